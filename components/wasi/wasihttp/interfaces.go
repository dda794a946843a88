package wasihttp

import (
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// Interfaces returns what a guest imports of wasi:http: types and
// outgoing-handler. out sends the guest's requests; nil refuses all of them.
func Interfaces(out *Outgoing) []*abi.Interface { return Types{}.Interfaces(out) }

// Interfaces is the function of that name with the limits of t.
func (t Types) Interfaces(out *Outgoing) []*abi.Interface {
	if out == nil {
		out = &Outgoing{}
	}
	return []*abi.Interface{contract.BindTypes(t), contract.BindOutgoingHandler(outgoingHandler{out})}
}
