package lattice

import (
	"bytes"
	"context"
	"encoding/json"

	"latticework/internal/errcode"
)

// Ask sends req as JSON to subject and returns the reply decoded from JSON.
//
// Errors: those of Bus.Request; ErrInternal if the reply cannot be read.
func Ask[Req, Rep any](ctx context.Context, b Bus, subject string, h Header, req Req) (Rep, error) {
	var rep Rep
	data, err := json.Marshal(req)
	if err != nil {
		return rep, Refuse(errcode.New(errcode.Invalid, "encode request: %w", err))
	}
	m, err := b.Request(ctx, subject, h, data)
	if err != nil {
		return rep, err
	}
	if err := json.Unmarshal(m.Data, &rep); err != nil {
		return rep, errcode.New(errcode.Internal, "decode reply on %s: %w", subject, err)
	}
	return rep, nil
}

// Answer makes a Handler from a function over JSON values. A request that
// cannot be read, or has fields this version does not know, is refused with
// ErrInvalid.
func Answer[Req, Rep any](fn func(ctx context.Context, h Header, req Req) (Rep, error)) Handler {
	return func(ctx context.Context, m *Message) (Reply, error) {
		var req Req
		dec := json.NewDecoder(bytes.NewReader(m.Data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&req); err != nil {
			return Reply{}, Refuse(errcode.New(errcode.Invalid, "read request on %s: %w", m.Subject, err))
		}
		rep, err := fn(ctx, m.Header, req)
		if err != nil {
			return Reply{}, err
		}
		data, err := json.Marshal(rep)
		if err != nil {
			return Reply{}, errcode.New(errcode.Internal, "encode reply on %s: %w", m.Subject, err)
		}
		return Reply{Data: data}, nil
	}
}

// CheckCluster refuses a request whose sender belongs to another cluster. A
// request without a cluster id passes.
func CheckCluster(h Header, own ClusterID) error {
	if c := ClusterID(h[HeaderCluster]); c != "" && c != own {
		return Refuse(errcode.New(errcode.Conflict, "request is for cluster %s, this is %s", c, own).
			WithNext("join with the address of the cluster you mean, or start with an empty data folder"))
	}
	return nil
}
