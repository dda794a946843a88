package httpmessage

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/httpout"
	"latticework/wit/abi"
)

// CodeError is a wasi:http error code as a Go error: what bodies fail with, so
// that the code is found again.
type CodeError struct {
	Code contract.ErrorCode
	Err  error // the cause, may be nil
}

// Error names the code and the cause.
func (e *CodeError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Code.Case, e.Err)
	}
	return e.Code.Case.String()
}

// Unwrap returns the cause.
func (e *CodeError) Unwrap() error { return e.Err }

// CodeOf returns the error code for err: the one it carries, or the one that
// says best what happened.
func CodeOf(err error) contract.ErrorCode {
	var own *CodeError
	var given *abi.Failure[contract.ErrorCode]
	switch {
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &given):
		return given.Value
	}
	return codeFor(httpout.Classify(err))
}

// plainCodes are the error codes without a payload, by their reasons; made with
// the first error.
var plainCodes = sync.OnceValue(func() map[httpout.Reason]contract.ErrorCode {
	return map[httpout.Reason]contract.ErrorCode{
		httpout.DNSTimeout:              contract.ErrorCodeDNSTimeout(),
		httpout.DestinationUnavailable:  contract.ErrorCodeDestinationUnavailable(),
		httpout.DestinationIPProhibited: contract.ErrorCodeDestinationIPProhibited(),
		httpout.ConnectionRefused:       contract.ErrorCodeConnectionRefused(),
		httpout.ConnectionTerminated:    contract.ErrorCodeConnectionTerminated(),
		httpout.ConnectionTimeout:       contract.ErrorCodeConnectionTimeout(),
		httpout.ConnectionReadTimeout:   contract.ErrorCodeConnectionReadTimeout(),
		httpout.ConnectionLimitReached:  contract.ErrorCodeConnectionLimitReached(),
		httpout.TLSProtocolError:        contract.ErrorCodeTLSProtocolError(),
		httpout.TLSCertificateError:     contract.ErrorCodeTLSCertificateError(),
		httpout.RequestDenied:           contract.ErrorCodeHTTPRequestDenied(),
		httpout.ResponseIncomplete:      contract.ErrorCodeHTTPResponseIncomplete(),
		httpout.ProtocolError:           contract.ErrorCodeHTTPProtocolError(),
	}
})

// codeFor returns the error code for a reason.
func codeFor(e *httpout.Error) contract.ErrorCode {
	if code, ok := plainCodes()[e.Reason]; ok {
		return code
	}
	size32, size64 := abi.None[uint32](), abi.None[uint64]()
	if e.Size > 0 {
		size32, size64 = abi.Some(uint32(min(e.Size, math.MaxUint32))), abi.Some(e.Size)
	}
	switch e.Reason {
	case httpout.DNSError:
		return contract.ErrorCodeDNSError(contract.DNSErrorPayload{Rcode: abi.Some(e.Text)})
	case httpout.TLSAlertReceived:
		return contract.ErrorCodeTLSAlertReceived(contract.TLSAlertReceivedPayload{AlertId: abi.Some(e.Alert), AlertMessage: abi.Some(e.Text)})
	case httpout.RequestBodySize:
		return contract.ErrorCodeHTTPRequestBodySize(size64)
	case httpout.ResponseHeadersSize:
		return contract.ErrorCodeHTTPResponseHeaderSectionSize(size32)
	case httpout.ResponseTransferEncoding:
		return contract.ErrorCodeHTTPResponseTransferCoding(abi.None[string]())
	}
	return contract.ErrorCodeInternalError(abi.None[string]())
}

// Error is why a request that a guest serves got no whole response.
type Error struct {
	// Status is what to answer; it is of no use once HeadSent.
	Status int
	// HeadSent tells that the client has seen a status, or may have: nothing
	// is left but to abort the connection.
	HeadSent bool
	// Complete tells that the guest had finished its response before Err.
	Complete bool
	// Code is the guest's own error code, or the one for what went wrong.
	Code contract.ErrorCode
	// Err is the cause.
	Err error
}

// Error describes the failure.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// StatusOf returns the status for a response that failed with code.
func StatusOf(code contract.ErrorCode) int {
	switch code.Case {
	case contract.ErrorCodeCaseDNSTimeout, contract.ErrorCodeCaseConnectionTimeout, contract.ErrorCodeCaseConnectionReadTimeout,
		contract.ErrorCodeCaseConnectionWriteTimeout, contract.ErrorCodeCaseHTTPResponseTimeout:
		return http.StatusGatewayTimeout
	case contract.ErrorCodeCaseDNSError, contract.ErrorCodeCaseDestinationNotFound, contract.ErrorCodeCaseDestinationUnavailable,
		contract.ErrorCodeCaseDestinationIPProhibited, contract.ErrorCodeCaseDestinationIPUnroutable,
		contract.ErrorCodeCaseConnectionRefused, contract.ErrorCodeCaseConnectionTerminated,
		contract.ErrorCodeCaseTLSProtocolError, contract.ErrorCodeCaseTLSCertificateError,
		contract.ErrorCodeCaseTLSAlertReceived, contract.ErrorCodeCaseHTTPProtocolError:
		return http.StatusBadGateway
	case contract.ErrorCodeCaseConnectionLimitReached:
		return http.StatusServiceUnavailable
	case contract.ErrorCodeCaseHTTPRequestDenied:
		return http.StatusForbidden
	case contract.ErrorCodeCaseHTTPRequestLengthRequired:
		return http.StatusLengthRequired
	case contract.ErrorCodeCaseHTTPRequestBodySize:
		return http.StatusRequestEntityTooLarge
	case contract.ErrorCodeCaseHTTPRequestMethodInvalid:
		return http.StatusMethodNotAllowed
	case contract.ErrorCodeCaseHTTPRequestURIInvalid:
		return http.StatusBadRequest
	case contract.ErrorCodeCaseHTTPRequestURITooLong:
		return http.StatusRequestURITooLong
	case contract.ErrorCodeCaseHTTPRequestHeaderSectionSize, contract.ErrorCodeCaseHTTPRequestHeaderSize:
		return http.StatusRequestHeaderFieldsTooLarge
	case contract.ErrorCodeCaseLoopDetected:
		return http.StatusLoopDetected
	}
	return http.StatusInternalServerError
}

// StatusOfError returns the status for a guest that failed with err.
func StatusOfError(err error) int {
	switch errcode.Of(err) {
	case errcode.Deadline:
		return http.StatusGatewayTimeout
	case errcode.Exhausted, errcode.Unavailable, errcode.Closed:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
