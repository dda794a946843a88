package httpmessage

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// drainTime is how long a client may take to send what of a request's body is
// left when the response is there.
const drainTime = 100 * time.Millisecond

// EndBody ends the use of the body of the request that is answered. A client
// that does not send what is left of it at once loses its connection once it
// has the response: otherwise late bytes would be taken for its next request.
//
// Under full duplex net/http does neither by itself, and would read the
// connection from two sides if it found the end of an unread body only after
// the handler.
func (s *Sender) EndBody(r *http.Request) {
	c := http.NewResponseController(s.w)
	_ = c.SetReadDeadline(time.Now().Add(drainTime))
	err := r.Body.Close() // skips what is left, up to a limit
	_ = c.SetReadDeadline(time.Time{})
	if err != nil {
		closeAfterReply(s.w)
	}
}

// closeAfterReply has the server close the connection after this response,
// whose head may be gone already: a body that was too large is the one way by
// which net/http lets itself be told.
func closeAfterReply(w http.ResponseWriter) {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = u.Unwrap()
	}
	_, _ = http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
}
