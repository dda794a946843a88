package httpserver

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// drainTime is how long the answer to a request waits for the rest of a body
// that nobody read: as a rule it is there already, and the connection can be
// used again.
const drainTime = 50 * time.Millisecond

// body is the body of a request. A read waits for the client for a bounded
// time; a body that is given up never keeps the connection.
type body struct {
	inner   io.ReadCloser
	limit   int64 // bytes that may be read
	left    int64 // of limit
	rec     *recorder
	conn    *conn // nil for HTTP/2, whose streams are independent
	timeout time.Duration
	until   deadline // of reads
	begun   bool
	ended   bool // inner answered its last
	closed  bool
	expects bool // the client waits to be asked for the body
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	b.begun = true
	if b.until.put(b.timeout) {
		b.rec.setReadDeadline(b.until.at)
	}
	if int64(len(p))-1 > b.left {
		p = p[:b.left+1] // one more shows that there is more
	}
	n, err := b.inner.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), &http.MaxBytesError{Limit: b.limit}
	}
	b.left -= int64(n)
	if err != nil {
		b.end(err)
	}
	return n, err
}

// end notes how the body ended.
func (b *body) end(err error) {
	if b.ended {
		return
	}
	b.ended = true
	var large *http.MaxBytesError
	switch {
	case err == io.EOF:
		// What waits for the next request must not run into the deadline.
		b.rec.setReadDeadline(time.Time{})
		if b.conn != nil {
			b.conn.bodyRead()
		}
		return
	case errors.As(err, &large):
		b.rec.listener.counters.largeBodies.Add(1)
	case errors.Is(err, os.ErrDeadlineExceeded) && !b.rec.interrupted():
		b.rec.listener.counters.bodyTimeouts.Add(1)
	}
	b.abandon()
}

// abandon has the connection closed after the answer.
func (b *body) abandon() {
	if b.conn != nil {
		b.conn.ended.Store(true)
	}
}

// Close gives the body up. Under HTTP/1 a rest that arrives at once is
// skipped, else the connection is closed after the answer.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	if b.ended || b.conn == nil {
		return b.inner.Close()
	}
	if b.expects && !b.begun {
		b.abandon()
		return nil
	}
	b.rec.setReadDeadline(time.Now().Add(drainTime))
	n, err := io.Copy(io.Discard, io.LimitReader(b.inner, lingerBytes))
	if err == nil && n < lingerBytes {
		b.end(io.EOF)
	} else {
		b.ended = true
		b.abandon()
	}
	return b.inner.Close()
}
