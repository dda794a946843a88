package wasihttp

import (
	"context"
	"net/http"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// SendInformational implements the contract: a response ahead of the real one.
// Switching protocols is not among those that a guest may send.
func (o *ResponseOutparam) SendInformational(_ context.Context, status uint16, headers contract.Headers) error {
	x := o.exchange
	switch {
	case x.answered:
		return errcode.New(errcode.Trap, "send informational response: the response is set already")
	case x.closed:
		return errcode.New(errcode.Closed, "send informational response: the exchange has ended")
	case status < 100 || status > 199 || status == http.StatusSwitchingProtocols:
		return abi.Fail(contract.ErrorCodeHTTPProtocolError())
	}
	fields, ok := headers.(*Fields)
	if !ok {
		return errcode.New(errcode.Internal, "send informational response: a %T for fields", headers)
	}
	x.sender.Informational(int(status), &fields.fields)
	return nil
}
