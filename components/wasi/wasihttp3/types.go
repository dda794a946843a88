package wasihttp3

import (
	"context"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/wit/abi"
)

// Types implements the functions of wasi:http/types that are not methods. It
// keeps nothing: one value serves every guest.
type Types struct {
	// MaxFields and MaxFieldBytes bound the fields that a guest makes for one
	// message; 0 stands for the limits of wasihttp.
	MaxFields, MaxFieldBytes int
}

var _ contract.TypesInterface = Types{}

// NewFields returns no fields.
func (t Types) NewFields(context.Context) (contract.Fields, error) { return t.newFields(), nil }

func (t Types) newFields() *Fields {
	f := newFields()
	f.fields.Limit(httpmessage.FieldLimits{Count: t.MaxFields, Bytes: t.MaxFieldBytes})
	return f
}

// FieldsFromList returns mutable fields with the entries given.
func (t Types) FieldsFromList(ctx context.Context, entries []abi.Tuple2[string, []byte]) (contract.Fields, error) {
	f := t.newFields()
	for _, e := range entries {
		if err := f.Append(ctx, e.F0, e.F1); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// NewRequestOptions returns options without a timeout.
func (Types) NewRequestOptions(context.Context) (contract.RequestOptions, error) {
	return &RequestOptions{}, nil
}

type (
	newRequest  = abi.Tuple2[contract.Request, abi.Future[outcome]]
	newResponse = abi.Tuple2[contract.Response, abi.Future[outcome]]
	contents    = abi.Tuple2[abi.Stream[uint8], abi.Future[trailersResult]]
)

// RequestNew returns a GET with the fields and options, which it freezes.
func (Types) RequestNew(_ context.Context, headers contract.Fields, stream abi.Option[abi.Stream[uint8]], trailers abi.Future[trailersResult], options abi.Option[contract.RequestOptions]) (newRequest, error) {
	f, err := freeze(headers)
	if err != nil {
		return newRequest{}, err
	}
	q := &Request{headers: f, method: contract.MethodGet()}
	if options.Some {
		o, ok := options.Value.(*RequestOptions)
		if !ok {
			return newRequest{}, foreign("request-options", options.Value)
		}
		o.immutable, q.options = true, o
	}
	return newRequest{F0: q, F1: q.body.make(stream, trailers)}, nil
}

// RequestConsumeBody gives up a request for its body.
func (Types) RequestConsumeBody(_ context.Context, this contract.Request, res abi.Future[outcome]) (contents, error) {
	q, ok := this.(*Request)
	if !ok {
		return contents{}, foreign("request", this)
	}
	return q.body.consume(res), nil
}

// ResponseNew returns a 200 with the fields, which it freezes.
func (Types) ResponseNew(_ context.Context, headers contract.Fields, stream abi.Option[abi.Stream[uint8]], trailers abi.Future[trailersResult]) (newResponse, error) {
	f, err := freeze(headers)
	if err != nil {
		return newResponse{}, err
	}
	p := &Response{headers: f, status: 200}
	return newResponse{F0: p, F1: p.body.make(stream, trailers)}, nil
}

// ResponseConsumeBody gives up a response for its body.
func (Types) ResponseConsumeBody(_ context.Context, this contract.Response, res abi.Future[outcome]) (contents, error) {
	p, ok := this.(*Response)
	if !ok {
		return contents{}, foreign("response", this)
	}
	return p.body.consume(res), nil
}
