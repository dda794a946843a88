package wasihttp

import (
	"context"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/wit/abi"
)

// RequestOptions are the timeouts of an outgoing request, in nanoseconds.
type RequestOptions struct{ timeouts httpmessage.Timeouts }

var _ contract.RequestOptions = (*RequestOptions)(nil)

// ConnectTimeout returns the limit for making the connection.
func (o *RequestOptions) ConnectTimeout(context.Context) (abi.Option[uint64], error) {
	return o.timeouts.Connect, nil
}

// SetConnectTimeout sets the limit for making the connection.
func (o *RequestOptions) SetConnectTimeout(_ context.Context, d abi.Option[uint64]) error {
	o.timeouts.Connect = d
	return nil
}

// FirstByteTimeout returns the limit for the response's head.
func (o *RequestOptions) FirstByteTimeout(context.Context) (abi.Option[uint64], error) {
	return o.timeouts.FirstByte, nil
}

// SetFirstByteTimeout sets the limit for the response's head.
func (o *RequestOptions) SetFirstByteTimeout(_ context.Context, d abi.Option[uint64]) error {
	o.timeouts.FirstByte = d
	return nil
}

// BetweenBytesTimeout returns the limit for each read of the response's body.
func (o *RequestOptions) BetweenBytesTimeout(context.Context) (abi.Option[uint64], error) {
	return o.timeouts.BetweenBytes, nil
}

// SetBetweenBytesTimeout sets the limit for each read of the response's body.
func (o *RequestOptions) SetBetweenBytesTimeout(_ context.Context, d abi.Option[uint64]) error {
	o.timeouts.BetweenBytes = d
	return nil
}

// Drop implements the contract.
func (o *RequestOptions) Drop(context.Context) {}
