package wasihttp3

import (
	"testing"

	older "latticework/components/wasi/bindings/wasihttp"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/wit/abi"
)

// TestCodesOfBothVersions converts every error code, with what it carries.
func TestCodesOfBothVersions(t *testing.T) {
	size := contract.FieldSizePayload{FieldName: abi.Some("x"), FieldSize: abi.Some(uint32(7))}
	codes := []contract.ErrorCode{
		contract.ErrorCodeDNSError(contract.DNSErrorPayload{Rcode: abi.Some("NXDOMAIN"), InfoCode: abi.Some(uint16(3))}),
		contract.ErrorCodeTLSAlertReceived(contract.TLSAlertReceivedPayload{AlertId: abi.Some(uint8(2)), AlertMessage: abi.Some("m")}),
		contract.ErrorCodeHTTPRequestBodySize(abi.Some(uint64(9))),
		contract.ErrorCodeHTTPRequestHeaderSectionSize(abi.Some(uint32(9))),
		contract.ErrorCodeHTTPRequestHeaderSize(abi.Some(size)),
		contract.ErrorCodeHTTPRequestTrailerSectionSize(abi.Some(uint32(9))),
		contract.ErrorCodeHTTPRequestTrailerSize(size),
		contract.ErrorCodeHTTPResponseHeaderSectionSize(abi.Some(uint32(9))),
		contract.ErrorCodeHTTPResponseHeaderSize(size),
		contract.ErrorCodeHTTPResponseBodySize(abi.Some(uint64(9))),
		contract.ErrorCodeHTTPResponseTrailerSectionSize(abi.Some(uint32(9))),
		contract.ErrorCodeHTTPResponseTrailerSize(size),
		contract.ErrorCodeHTTPResponseTransferCoding(abi.Some("c")),
		contract.ErrorCodeHTTPResponseContentCoding(abi.Some("c")),
		contract.ErrorCodeInternalError(abi.Some("text")),
	}
	for c := contract.ErrorCodeCaseDNSTimeout; c <= contract.ErrorCodeCaseInternalError; c++ {
		codes = append(codes, contract.ErrorCode{Case: c})
	}
	for _, c := range codes {
		old := shared(c)
		if old.Case.String() != c.Case.String() {
			t.Errorf("%s becomes %s", c.Case, old.Case)
		}
		if back := newer(old); back != c {
			t.Errorf("%s there and back is %+v, was %+v", c.Case, back, c)
		}
	}
	if last := older.ErrorCodeCaseInternalError; uint8(last) != uint8(contract.ErrorCodeCaseInternalError) {
		t.Errorf("0.2 has %d codes, 0.3 %d", last, contract.ErrorCodeCaseInternalError)
	}
}
