package providers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"latticework/internal/errcode"
	"latticework/internal/httpout"
	"latticework/wit"
	"latticework/wit/abi"
)

// Info says what a provider is.
type Info struct {
	// Name is the provider's name in the lattice, such as "store".
	Name string
	// Technology is what it is made with, such as "keyvalue-redis".
	Technology string
	// Interfaces are the qualified names that it can serve, such as
	// "wasi:keyvalue/store@0.2.0-draft"; for a source, those that it calls.
	Interfaces []string
	// Version is that of the implementation; "" if it comes with the host.
	Version string
}

// Link is what leads to a provider: a component's imports and how they are to
// be served. For a [Source] it leads from the provider to a component.
type Link struct {
	// Source names the component, Name tells several links of one source
	// apart, Target names the provider.
	Source, Name, Target string
	// Interfaces are the qualified names that are linked; none stands for
	// all that the provider serves.
	Interfaces []string
	// Config holds the settings for this link. It is not changed after the
	// link is made; other settings come as another revision.
	Config map[string]string
	// Revision tells successive settings of one link apart; it never falls.
	Revision uint64
}

// String names the link for people.
func (l Link) String() string {
	name := l.Source + " → " + l.Target
	if l.Name != "" && l.Name != "default" {
		name += " (" + l.Name + ")"
	}
	return name
}

// Key identifies the link over its revisions.
func (l Link) Key() string { return l.Source + "\x00" + l.Name + "\x00" + l.Target }

// Validate reports everything that is wrong with the link's own parts.
//
// Errors:
//   - errcode.Invalid if Source or Target is empty, or a name holds U+0000.
func (l Link) Validate() error {
	var problems []string
	if l.Source == "" {
		problems = append(problems, "the source is empty")
	}
	if l.Target == "" {
		problems = append(problems, "the target is empty")
	}
	if strings.Contains(l.Source+l.Name+l.Target, "\x00") {
		problems = append(problems, "a name holds U+0000")
	}
	if len(problems) > 0 {
		return errcode.New(errcode.Invalid, "validate link %s: %s", l, strings.Join(problems, "; "))
	}
	return nil
}

// Provider serves WIT interfaces. An implementation may rely on the order
// that [Guard] keeps; Link and Health are called concurrently.
type Provider interface {
	// Info may be called at any time.
	Info() Info
	// Open takes what the provider needs as a whole, such as a file or a
	// listener. It is called once, before any Link.
	Open(ctx context.Context) error
	// Link validates the link's settings, connects, and proves that the
	// connection works. It fails with a message that a user can act on.
	Link(ctx context.Context, l Link) (Session, error)
	// Health says whether the provider as a whole can work. It does not
	// look at links.
	Health(ctx context.Context) error
	// Close ends the provider, also after an Open that failed. All sessions
	// are closed before.
	Close(ctx context.Context) error
}

// Session is one link at one revision. Another revision of the same link is
// another session, and both live while calls move over.
type Session interface {
	// Interfaces are the linked interfaces, bound to this session. The
	// result is the same at each call.
	Interfaces() []*abi.Interface
	// Probe proves that the session can serve now.
	Probe(ctx context.Context) error
	// Close ends the session. Calls in progress and handles that are still
	// open answer with an error afterwards.
	Close(ctx context.Context) error
}

// Source is a provider that calls components instead of being called by
// them. Its Link fails with errcode.Unsupported.
type Source interface {
	Provider
	// Serve sends the requests that the link describes to target until the
	// session is closed. A session of a newer revision of the same link
	// takes over without a gap.
	Serve(ctx context.Context, l Link, target http.Handler) (Session, error)
	// Check reports what is wrong with the settings of a link, as Serve would.
	// It changes nothing, and serves before Open, too.
	Check(l Link) error
}

// HTTPClient is a session of wasi:http/outgoing-handler@0.2 and
// wasi:http/client@0.3. Its Interfaces are empty: the host makes them, in the
// terms of its own requests and responses.
type HTTPClient interface {
	Session
	// HTTPClient sends the link's requests; it is the same at each call.
	HTTPClient() *httpout.Client
}

// Drainer is implemented by a provider that wants to finish what it accepted
// while its sessions are still there. Hosts call it before they end sessions,
// and a guard's Close does where nobody has.
type Drainer interface {
	// Drain takes nothing new and waits for what is in progress, as long as
	// ctx allows.
	Drain(ctx context.Context) error
}

// Unwrapper is implemented by a session that stands before another one.
type Unwrapper interface{ Unwrap() Session }

// As returns the first session of type T behind s, such as the one of a
// technology behind a guard.
func As[T any](s Session) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		u, ok := s.(Unwrapper)
		if !ok {
			break
		}
		s = u.Unwrap()
	}
	var none T
	return none, false
}

// Requested returns which of the served interfaces the link is for: those it
// names, by the rules of [wit.MatchVersion], in the order of served, or all
// if it names none.
//
// Errors:
//   - errcode.Unsupported if the link names another interface; the message
//     lists what is served.
func Requested(l Link, served []string) ([]string, error) {
	if len(l.Interfaces) == 0 {
		return served, nil
	}
	var found []string
	for _, name := range served {
		if slices.ContainsFunc(l.Interfaces, func(want string) bool { return wit.MatchVersion(want, name) }) {
			found = append(found, name)
		}
	}
	for _, want := range l.Interfaces {
		if !slices.ContainsFunc(served, func(name string) bool { return wit.MatchVersion(want, name) }) {
			err := errcode.New(errcode.Unsupported, "link %s: provider %s does not serve %s", l, l.Target, want)
			return nil, err.WithNext("it serves %s", strings.Join(served, ", "))
		}
	}
	return found, nil
}

// recovered turns a panic of an implementation into an error; use it in defer.
func recovered(err *error, doing string) {
	if r := recover(); r != nil {
		*err = errcode.New(errcode.Internal, "%s: panic: %v", doing, fmt.Sprint(r))
	}
}
