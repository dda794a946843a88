package lattice

import (
	"context"
	"time"
)

// Header carries the small facts of a message. Keys and values are printable
// ASCII. Keys beginning with "Lw-" are the project's.
type Header map[string]string

// The headers of the project.
const (
	// HeaderError marks a reply that carries a WireError; its value is the code.
	HeaderError = "Lw-Error"
	// HeaderTimeout is the remaining time of a request in microseconds.
	HeaderTimeout = "Lw-Timeout"
	// HeaderCluster is the sender's cluster id.
	HeaderCluster = "Lw-Cluster"
	// HeaderRequest is the request id of a write.
	HeaderRequest = "Lw-Request"
)

// Message is one message on a bus. Data belongs to the receiver.
type Message struct {
	Subject string
	Header  Header
	Data    []byte
}

// Reply is a handler's answer.
type Reply struct {
	Header Header
	Data   []byte
}

// Handler serves one message. Its context ends at the request's deadline, when
// the subscription is closed, or when the bus is. For a published message
// the reply is dropped. An error is sent as a WireError.
type Handler func(ctx context.Context, m *Message) (Reply, error)

// SubscribeOptions bound a subscription. The zero value is the default.
type SubscribeOptions struct {
	// Concurrency is how many handlers run at once; 0 means 256. A request
	// above it is refused at once with ErrExhausted.
	Concurrency int
	// Ordered runs one handler at a time in the order of arrival and queues
	// up to Pending messages. Above that messages are lost and OnLost is called.
	Ordered bool
	// Pending bounds the queue of an ordered subscription; 0 means 8192.
	Pending int
	// OnLost, if set, is called (not concurrently with itself) when messages
	// of an ordered subscription may have been lost: queue overflow or a
	// renewed connection. It must not block.
	OnLost func()
}

// Bus carries messages between the parts of a lattice. It is safe for
// concurrent use.
type Bus interface {
	// Request sends one message and waits for one reply.
	//
	// Without a deadline in ctx it waits DefaultRequestTimeout.
	//
	// Errors: the receiver's own, with its code, or
	//   - ErrUnavailable, refused: nobody serves the subject or there is no connection.
	//   - ErrDeadline: no reply in time; the request may have been executed.
	//   - ErrUnavailable or, where it was this bus that was closed, ErrClosed with
	//     IsReplyLost: the connection was lost while the reply was awaited; the
	//     request may have been executed.
	//   - ErrInvalid, refused: payload above MaxPayload.
	//   - ErrClosed, refused: the bus is closed.
	Request(ctx context.Context, subject string, h Header, data []byte) (*Message, error)

	// Publish sends one message to all subscribers. It does not wait for them.
	Publish(subject string, h Header, data []byte) error

	// Subscribe calls h for each message on subject, which may end in a "*"
	// (one token) or ">" (any) token. Every subscriber gets every message.
	// When it returns, messages sent afterwards arrive.
	Subscribe(subject string, o SubscribeOptions, h Handler) (Subscription, error)

	// Flush waits until everything sent before has left this process and
	// been seen by the system behind the bus.
	Flush(ctx context.Context) error

	// MaxPayload is the largest Data of a message, in bytes.
	MaxPayload() int

	// Connected reports whether messages can be sent now.
	Connected() bool

	// Close ends all subscriptions, waits for their handlers and closes the
	// connection. It is idempotent.
	Close() error
}

// Subscription is a running subscription.
type Subscription interface {
	// Close stops deliveries and waits for running handlers, whose contexts
	// it ends. It must not be called from a handler. It is idempotent.
	Close() error
}

// DefaultRequestTimeout bounds a request whose context has no deadline.
const DefaultRequestTimeout = 10 * time.Second

// DefaultConcurrency is the number of handlers of a subscription that names none.
const DefaultConcurrency = 256

// DefaultPending is the queue of an ordered subscription that names none.
const DefaultPending = 8192
