package wasihttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// codeError is a wasi:http error code as a Go error: what the streams of a
// body fail with, so that http-error-code finds the code again.
type codeError struct {
	code contract.ErrorCode
	err  error // the cause, may be nil
}

func (e *codeError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("%s: %v", e.code.Case, e.err)
	}
	return e.code.Case.String()
}

func (e *codeError) Unwrap() error { return e.err }

// codeOf returns the error code for err: the one it carries, or the one that
// says best what happened.
func codeOf(err error) contract.ErrorCode {
	var own *codeError
	var given *abi.Failure[contract.ErrorCode]
	var dns *net.DNSError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &given):
		return given.Value
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return contract.ErrorCodeDNSTimeout()
		}
		return contract.ErrorCodeDNSError(contract.DNSErrorPayload{Rcode: abi.Some(dnsText(dns))})
	case errors.As(err, &tooBig):
		return contract.ErrorCodeHTTPRequestBodySize(abi.Some(uint64(tooBig.Limit)))
	}
	if code, ok := tlsCode(err); ok {
		return code
	}
	return connCode(err)
}

func dnsText(e *net.DNSError) string {
	if e.IsNotFound {
		return "NXDOMAIN"
	}
	return "SERVFAIL"
}

// tlsCode returns the code of a failure of TLS.
func tlsCode(err error) (contract.ErrorCode, bool) {
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return contract.ErrorCodeTLSCertificateError(), true
	case errors.As(err, &alert):
		return contract.ErrorCodeTLSAlertReceived(contract.TLSAlertReceivedPayload{
			AlertId: abi.Some(uint8(alert)), AlertMessage: abi.Some(alert.Error()),
		}), true
	case errors.As(err, &record):
		return contract.ErrorCodeTLSProtocolError(), true
	}
	return contract.ErrorCode{}, false
}

// connCode returns the code of a failure of the connection.
func connCode(err error) contract.ErrorCode {
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return contract.ErrorCodeConnectionRefused()
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return contract.ErrorCodeDestinationUnavailable()
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		if dialing {
			return contract.ErrorCodeConnectionTimeout()
		}
		return contract.ErrorCodeConnectionReadTimeout()
	case dialing:
		return contract.ErrorCodeDestinationUnavailable()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrBodyReadAfterClose):
		return contract.ErrorCodeConnectionTerminated()
	}
	return contract.ErrorCodeInternalError(abi.None[string]())
}

// streamFailure returns the stream error for a body that failed with err.
func streamFailure(err error) error {
	return streams.Failed(&codeError{code: codeOf(err), err: err})
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

// statusOf returns the status for a response that failed with code.
func statusOf(code contract.ErrorCode) int {
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

// statusOfError returns the status for a guest that failed with err.
func statusOfError(err error) int {
	switch errcode.Of(err) {
	case errcode.Deadline:
		return http.StatusGatewayTimeout
	case errcode.Exhausted, errcode.Unavailable, errcode.Closed:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
