package linkstate

import "latticework/internal/errcode"

// Result is the answer of the state machine to one command.
type Result struct {
	Index      uint64 `json:"index"`                // log index at which the command was applied
	Revision   uint64 `json:"revision,omitempty"`   // revision of the record it is about
	Generation uint64 `json:"generation,omitempty"` // of the link it is about
	Unchanged  bool   `json:"unchanged,omitempty"`  // the state was already as asked

	// Code is "" on success.
	Code errcode.Code `json:"code,omitempty"`
	Msg  string       `json:"msg,omitempty"`
	Next string       `json:"next,omitempty"`
}

// Err returns the result as an error, nil on success.
func (r Result) Err() error {
	if r.Code == "" {
		return nil
	}
	return &errcode.Error{Code: r.Code, Msg: r.Msg, Next: r.Next}
}

func failed(index uint64, err error) Result {
	r := Result{Index: index, Code: errcode.Of(err), Msg: err.Error(), Next: errcode.NextOf(err)}
	return r
}
