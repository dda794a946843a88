package wasihttp

import (
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// Interfaces returns what a guest imports of wasi:http: types and
// outgoing-handler. out sends the guest's requests; nil refuses all of them.
func Interfaces(out *Outgoing) []*abi.Interface {
	if out == nil {
		out = &Outgoing{}
	}
	return []*abi.Interface{contract.BindTypes(Types{}), contract.BindOutgoingHandler(outgoingHandler{out})}
}
