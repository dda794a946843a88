package wasi_test

import (
	"context"
	"io"
	"sync"
)

// capture holds what a program writes until it is read.
type capture struct {
	mu      sync.Mutex
	data    []byte        // guarded by mu
	ended   bool          // guarded by mu
	changed chan struct{} // guarded by mu: closed and replaced at each change
}

func newCapture() *capture { return &capture{changed: make(chan struct{})} }

// Write keeps b.
func (c *capture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data = append(c.data, b...)
	c.notifyLocked()
	return len(b), nil
}

func (c *capture) notifyLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// close says that nothing more comes.
func (c *capture) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.notifyLocked()
}

// next waits for n bytes and takes them. At the end it takes what is left,
// with io.ErrUnexpectedEOF; if ctx ends before it takes nothing.
func (c *capture) next(ctx context.Context, n int) (string, error) {
	for {
		c.mu.Lock()
		changed, ended := c.changed, c.ended
		if len(c.data) >= n || ended {
			k := min(n, len(c.data))
			got := string(c.data[:k])
			c.data = c.data[k:]
			c.mu.Unlock()
			if k < n {
				return got, io.ErrUnexpectedEOF
			}
			return got, nil
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// rest returns what was not taken.
func (c *capture) rest() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.data)
}
