package wasihttp

import (
	"latticework/components/wasi/internal/httpmessage"
	"latticework/components/wasi/streams"
)

// Error is why a request that a guest serves got no whole response.
type Error = httpmessage.Error

// streamFailure returns the stream error for a body that failed with err.
func streamFailure(err error) error {
	return streams.Failed(&httpmessage.CodeError{Code: httpmessage.CodeOf(err), Err: err})
}
