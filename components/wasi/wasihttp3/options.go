package wasihttp3

import (
	"context"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/wit/abi"
)

// errFixed is the error case of options that belong to a request.
var errFixed = abi.Fail(contract.RequestOptionsErrorImmutable())

// RequestOptions are the timeouts of a request, in nanoseconds. Once they are
// part of one they are immutable.
type RequestOptions struct {
	timeouts  httpmessage.Timeouts
	immutable bool
}

var _ contract.RequestOptions = (*RequestOptions)(nil)

func (o *RequestOptions) set(to *abi.Option[uint64], d abi.Option[uint64]) error {
	if o.immutable {
		return errFixed
	}
	*to = d
	return nil
}

// GetConnectTimeout returns the limit for making the connection.
func (o *RequestOptions) GetConnectTimeout(context.Context) (abi.Option[uint64], error) {
	return o.timeouts.Connect, nil
}

// SetConnectTimeout sets the limit for making the connection.
func (o *RequestOptions) SetConnectTimeout(_ context.Context, d abi.Option[uint64]) error {
	return o.set(&o.timeouts.Connect, d)
}

// GetFirstByteTimeout returns the limit for the response's head.
func (o *RequestOptions) GetFirstByteTimeout(context.Context) (abi.Option[uint64], error) {
	return o.timeouts.FirstByte, nil
}

// SetFirstByteTimeout sets the limit for the response's head.
func (o *RequestOptions) SetFirstByteTimeout(_ context.Context, d abi.Option[uint64]) error {
	return o.set(&o.timeouts.FirstByte, d)
}

// GetBetweenBytesTimeout returns the limit for each read of the response's
// body.
func (o *RequestOptions) GetBetweenBytesTimeout(context.Context) (abi.Option[uint64], error) {
	return o.timeouts.BetweenBytes, nil
}

// SetBetweenBytesTimeout sets the limit for each read of the response's body.
func (o *RequestOptions) SetBetweenBytesTimeout(_ context.Context, d abi.Option[uint64]) error {
	return o.set(&o.timeouts.BetweenBytes, d)
}

// Clone returns a mutable copy.
func (o *RequestOptions) Clone(context.Context) (contract.RequestOptions, error) {
	return &RequestOptions{timeouts: o.timeouts}, nil
}

// Drop implements the contract.
func (o *RequestOptions) Drop(context.Context) {}
