package components

import (
	"latticework/internal/errcode"
	"latticework/wit"
)

type hostEnd struct{}

func (e *hostEnd) abandon() {}

type hostOp struct{}

func (o *hostOp) receive(src *buffer, n uint32) error { return nil }
func (o *hostOp) send(dst *buffer, n uint32) error    { return nil }

func (sc *scheduler) toHost(c *channel) any { return c }
func (sc *scheduler) fromHost(rep any, t *wit.Type) (*channel, error) {
	return nil, errcode.New(errcode.Invalid, "a %T was given", rep)
}
