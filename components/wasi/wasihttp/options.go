package wasihttp

import (
	"context"
	"math"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// RequestOptions are the timeouts of an outgoing request, in nanoseconds.
type RequestOptions struct {
	connect, firstByte, betweenBytes abi.Option[uint64]
}

var _ contract.RequestOptions = (*RequestOptions)(nil)

// ConnectTimeout returns the limit for making the connection.
func (o *RequestOptions) ConnectTimeout(context.Context) (abi.Option[uint64], error) {
	return o.connect, nil
}

// SetConnectTimeout sets the limit for making the connection.
func (o *RequestOptions) SetConnectTimeout(_ context.Context, d abi.Option[uint64]) error {
	o.connect = d
	return nil
}

// FirstByteTimeout returns the limit for the response's head.
func (o *RequestOptions) FirstByteTimeout(context.Context) (abi.Option[uint64], error) {
	return o.firstByte, nil
}

// SetFirstByteTimeout sets the limit for the response's head.
func (o *RequestOptions) SetFirstByteTimeout(_ context.Context, d abi.Option[uint64]) error {
	o.firstByte = d
	return nil
}

// BetweenBytesTimeout returns the limit for each read of the response's body.
func (o *RequestOptions) BetweenBytesTimeout(context.Context) (abi.Option[uint64], error) {
	return o.betweenBytes, nil
}

// SetBetweenBytesTimeout sets the limit for each read of the response's body.
func (o *RequestOptions) SetBetweenBytesTimeout(_ context.Context, d abi.Option[uint64]) error {
	o.betweenBytes = d
	return nil
}

// Drop implements the contract.
func (o *RequestOptions) Drop(context.Context) {}

// timeout returns d as a Go duration, or limit without one or if d is longer.
func timeout(d abi.Option[uint64], limit time.Duration) time.Duration {
	if !d.Some || d.Value > math.MaxInt64 || limit > 0 && time.Duration(d.Value) > limit {
		return limit
	}
	return max(time.Duration(d.Value), 1)
}
