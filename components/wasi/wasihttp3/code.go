package wasihttp3

import (
	"errors"

	older "latticework/components/wasi/bindings/wasihttp"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// foreign is the failure of a handle that another implementation made.
func foreign(what string, got any) error {
	return errcode.New(errcode.Internal, "%s: a %T is not of this implementation", what, got)
}

// codeOf returns the error code for err: the one it carries, or the one that
// says best what happened.
func codeOf(err error) contract.ErrorCode {
	var own *abi.Failure[contract.ErrorCode]
	if errors.As(err, &own) {
		return own.Value
	}
	return newer(httpmessage.CodeOf(err))
}

// newer returns the code of 0.3 for one of 0.2; they have the same cases.
func newer(c older.ErrorCode) contract.ErrorCode {
	return contract.ErrorCode{
		Case:                           contract.ErrorCodeCase(c.Case),
		DNSError:                       contract.DNSErrorPayload(c.DNSError),
		TLSAlertReceived:               contract.TLSAlertReceivedPayload(c.TLSAlertReceived),
		HTTPRequestBodySize:            c.HTTPRequestBodySize,
		HTTPRequestHeaderSectionSize:   c.HTTPRequestHeaderSectionSize,
		HTTPRequestHeaderSize:          abi.Option[contract.FieldSizePayload]{Some: c.HTTPRequestHeaderSize.Some, Value: contract.FieldSizePayload(c.HTTPRequestHeaderSize.Value)},
		HTTPRequestTrailerSectionSize:  c.HTTPRequestTrailerSectionSize,
		HTTPRequestTrailerSize:         contract.FieldSizePayload(c.HTTPRequestTrailerSize),
		HTTPResponseHeaderSectionSize:  c.HTTPResponseHeaderSectionSize,
		HTTPResponseHeaderSize:         contract.FieldSizePayload(c.HTTPResponseHeaderSize),
		HTTPResponseBodySize:           c.HTTPResponseBodySize,
		HTTPResponseTrailerSectionSize: c.HTTPResponseTrailerSectionSize,
		HTTPResponseTrailerSize:        contract.FieldSizePayload(c.HTTPResponseTrailerSize),
		HTTPResponseTransferCoding:     c.HTTPResponseTransferCoding,
		HTTPResponseContentCoding:      c.HTTPResponseContentCoding,
		InternalError:                  c.InternalError,
	}
}

// shared returns the code of 0.2 for one of 0.3.
func shared(c contract.ErrorCode) older.ErrorCode {
	return older.ErrorCode{
		Case:                           older.ErrorCodeCase(c.Case),
		DNSError:                       older.DNSErrorPayload(c.DNSError),
		TLSAlertReceived:               older.TLSAlertReceivedPayload(c.TLSAlertReceived),
		HTTPRequestBodySize:            c.HTTPRequestBodySize,
		HTTPRequestHeaderSectionSize:   c.HTTPRequestHeaderSectionSize,
		HTTPRequestHeaderSize:          abi.Option[older.FieldSizePayload]{Some: c.HTTPRequestHeaderSize.Some, Value: older.FieldSizePayload(c.HTTPRequestHeaderSize.Value)},
		HTTPRequestTrailerSectionSize:  c.HTTPRequestTrailerSectionSize,
		HTTPRequestTrailerSize:         older.FieldSizePayload(c.HTTPRequestTrailerSize),
		HTTPResponseHeaderSectionSize:  c.HTTPResponseHeaderSectionSize,
		HTTPResponseHeaderSize:         older.FieldSizePayload(c.HTTPResponseHeaderSize),
		HTTPResponseBodySize:           c.HTTPResponseBodySize,
		HTTPResponseTrailerSectionSize: c.HTTPResponseTrailerSectionSize,
		HTTPResponseTrailerSize:        older.FieldSizePayload(c.HTTPResponseTrailerSize),
		HTTPResponseTransferCoding:     c.HTTPResponseTransferCoding,
		HTTPResponseContentCoding:      c.HTTPResponseContentCoding,
		InternalError:                  c.InternalError,
	}
}
