package httpout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Reason is why a request was not answered, by the name of the error code of
// wasi:http.
type Reason string

// The reasons. The comments name the fields of [Error] that they come with.
const (
	DNSTimeout               Reason = "DNS-timeout"
	DNSError                 Reason = "DNS-error" // Text: the response code's name
	DestinationUnavailable   Reason = "destination-unavailable"
	DestinationIPProhibited  Reason = "destination-IP-prohibited"
	ConnectionRefused        Reason = "connection-refused"
	ConnectionTerminated     Reason = "connection-terminated"
	ConnectionTimeout        Reason = "connection-timeout"
	ConnectionReadTimeout    Reason = "connection-read-timeout"
	ConnectionLimitReached   Reason = "connection-limit-reached"
	TLSProtocolError         Reason = "TLS-protocol-error"
	TLSCertificateError      Reason = "TLS-certificate-error"
	TLSAlertReceived         Reason = "TLS-alert-received" // Alert; Text: its name
	RequestDenied            Reason = "HTTP-request-denied"
	RequestBodySize          Reason = "HTTP-request-body-size"            // Size
	ResponseHeadersSize      Reason = "HTTP-response-header-section-size" // Size
	ResponseIncomplete       Reason = "HTTP-response-incomplete"
	ResponseTransferEncoding Reason = "HTTP-response-transfer-coding" // Text
	ProtocolError            Reason = "HTTP-protocol-error"
	Internal                 Reason = "internal-error"
)

// Error is why a request was not answered.
type Error struct {
	Reason Reason
	Text   string
	Alert  uint8
	Size   uint64
	Err    error // the cause, may be nil
}

// Error names the reason and the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Reason) + ": " + e.Err.Error()
	}
	return string(e.Reason)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Classify returns the [Error] in err, or the one that says best what
// happened.
func Classify(err error) *Error {
	var own *Error
	var dns *net.DNSError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return &Error{Reason: DNSTimeout, Err: err}
		}
		rcode := "SERVFAIL"
		if dns.IsNotFound {
			rcode = "NXDOMAIN"
		}
		return &Error{Reason: DNSError, Text: rcode, Err: err}
	case errors.As(err, &large):
		return &Error{Reason: RequestBodySize, Size: uint64(large.Limit), Err: err}
	}
	if e := ofTLS(err); e != nil {
		return e
	}
	return &Error{Reason: ofConnection(err), Err: err}
}

// ofTLS classifies a failure of TLS, nil for another one.
func ofTLS(err error) *Error {
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return &Error{Reason: TLSCertificateError, Err: err}
	case errors.As(err, &alert):
		return &Error{Reason: TLSAlertReceived, Alert: uint8(alert), Text: alert.Error(), Err: err}
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch), strings.Contains(err.Error(), "remote error: tls: "):
		return &Error{Reason: TLSProtocolError, Err: err}
	}
	return nil
}

// ofConnection classifies what is neither of names nor of TLS.
func ofConnection(err error) Reason {
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return ConnectionRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return DestinationUnavailable
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		if dialing || strings.Contains(err.Error(), "TLS handshake timeout") {
			return ConnectionTimeout
		}
		return ConnectionReadTimeout
	case dialing:
		return DestinationUnavailable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed), errors.Is(err, http.ErrBodyReadAfterClose):
		return ConnectionTerminated
	}
	return ofText(err.Error())
}

// ofText classifies the errors of net/http that have no type; tests hold the
// texts against the library.
func ofText(text string) Reason {
	switch {
	case strings.Contains(text, "server response headers exceeded"), strings.Contains(text, "response header list larger than"):
		return ResponseHeadersSize
	case strings.Contains(text, "unsupported transfer encoding"):
		return ResponseTransferEncoding
	case strings.Contains(text, "malformed"), strings.Contains(text, "HTTP/1.x transport connection broken"),
		strings.Contains(text, "http2: "), strings.Contains(text, "connection error: "), strings.Contains(text, "stream error"), strings.Contains(text, "invalid header"),
		strings.Contains(text, "bad Content-Length"), strings.Contains(text, "suspiciously long"), strings.Contains(text, "chunk"):
		return ProtocolError
	}
	return Internal
}
