package wasihttp

import (
	"context"
	"errors"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// failUnit is the error case of a result without an error type.
var failUnit = abi.Fail(struct{}{})

// Types implements the functions of wasi:http/types that are not methods. It
// keeps nothing: one value serves every guest.
type Types struct {
	// MaxFields and MaxFieldBytes bound the fields that a guest makes for one
	// message; 0 stands for [MaxFieldCount] and [MaxFieldBytes].
	MaxFields, MaxFieldBytes int
}

func (t Types) newFields() *Fields {
	f := newFields()
	f.fields.Limit(httpmessage.FieldLimits{Count: t.MaxFields, Bytes: t.MaxFieldBytes})
	return f
}

var _ contract.TypesInterface = Types{}

// foreign is the failure of a handle that another implementation made.
func foreign(what string, got any) error {
	return errcode.New(errcode.Internal, "%s: a %T is not of this implementation", what, got)
}

// HttpErrorCode finds the code in an error of a body's stream.
func (Types) HttpErrorCode(_ context.Context, e wasiio.Error) (abi.Option[contract.ErrorCode], error) {
	var coded *httpmessage.CodeError
	if own, ok := e.(*streams.Error); ok && errors.As(own.Err, &coded) {
		return abi.Some(coded.Code), nil
	}
	return abi.None[contract.ErrorCode](), nil
}

// NewFields returns no fields.
func (t Types) NewFields(context.Context) (contract.Fields, error) { return t.newFields(), nil }

// FieldsFromList returns mutable fields with the entries given.
func (t Types) FieldsFromList(_ context.Context, entries []abi.Tuple2[string, []byte]) (contract.Fields, error) {
	f := t.newFields()
	for _, e := range entries {
		if err := f.fields.Append(e.F0, e.F1); err != nil {
			return nil, headerError(err)
		}
	}
	return f, nil
}

// freeze takes fields over for a message.
func freeze(headers contract.Fields) (*Fields, error) {
	f, ok := headers.(*Fields)
	if !ok {
		return nil, foreign("fields", headers)
	}
	f.fields.Freeze()
	return f, nil
}

// NewOutgoingRequest returns a GET of "/" with the fields, which it freezes.
func (Types) NewOutgoingRequest(_ context.Context, headers contract.Fields) (contract.OutgoingRequest, error) {
	f, err := freeze(headers)
	if err != nil {
		return nil, err
	}
	return &OutgoingRequest{headers: f, method: contract.MethodGet()}, nil
}

// NewRequestOptions returns options without a timeout.
func (Types) NewRequestOptions(context.Context) (contract.RequestOptions, error) {
	return &RequestOptions{}, nil
}

// NewOutgoingResponse returns a 200 with the fields, which it freezes.
func (Types) NewOutgoingResponse(_ context.Context, headers contract.Fields) (contract.OutgoingResponse, error) {
	f, err := freeze(headers)
	if err != nil {
		return nil, err
	}
	return &OutgoingResponse{headers: f, status: 200}, nil
}

// ResponseOutparamSet answers the request of param.
func (Types) ResponseOutparamSet(ctx context.Context, param contract.ResponseOutparam, response abi.Result[contract.OutgoingResponse, contract.ErrorCode]) error {
	out, ok := param.(*ResponseOutparam)
	if !ok {
		return foreign("response-outparam", param)
	}
	if response.IsErr {
		return out.exchange.refuse(response.Err)
	}
	resp, ok := response.Ok.(*OutgoingResponse)
	if !ok {
		return foreign("outgoing-response", response.Ok)
	}
	return out.exchange.send(ctx, resp)
}

// IncomingBodyFinish gives up a body for its trailers.
func (Types) IncomingBodyFinish(_ context.Context, this contract.IncomingBody) (contract.FutureTrailers, error) {
	body, ok := this.(*IncomingBody)
	if !ok {
		return nil, foreign("incoming-body", this)
	}
	if body.open {
		return nil, errcode.New(errcode.Trap, "finish incoming body: its stream is not dropped")
	}
	return &FutureTrailers{body: body}, nil
}

// OutgoingBodyFinish ends a body.
func (Types) OutgoingBodyFinish(ctx context.Context, this contract.OutgoingBody, trailers abi.Option[contract.Fields]) error {
	body, ok := this.(*OutgoingBody)
	if !ok {
		return foreign("outgoing-body", this)
	}
	if !trailers.Some {
		return body.finish(ctx, nil)
	}
	f, err := freeze(trailers.Value)
	if err != nil {
		return err
	}
	return body.finish(ctx, f)
}
