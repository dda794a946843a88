package linkstate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"latticework/internal/errcode"
)

// State is the state machine. It is not safe for concurrent use; its Views
// are.
//
// Invariants, after every Apply:
//   - every link's source, targets and configs exist, as do the configs of
//     components and providers;
//   - no two links of one source and link name share an interface;
//   - components and providers share no name;
//   - an assignment's workload exists.
type State struct {
	tables
	applied  uint64 // index of the last entry applied; never falls
	requests requestTable
}

// NewState returns an empty state.
func NewState() *State { return &State{} }

// View returns an immutable reading.
func (s *State) View() *View { return s.view() }

// Index returns the index of the last entry that changed a record.
func (s *State) Index() uint64 { return s.index }

// Applied returns the index of the last entry applied.
func (s *State) Applied() uint64 { return s.applied }

// Apply applies the log entry at index, a command written by Command.Encode.
// It is total: what cannot be decoded or breaks a rule changes nothing and
// says so in the result. A command whose request id was applied before
// changes nothing and returns the first result. Changes are in an order in
// which what is named comes before what names it.
func (s *State) Apply(index uint64, entry []byte) (Result, []Change) {
	if index <= s.applied {
		return failed(index, errcode.New(errcode.Conflict, "apply entry %d: %d is applied already", index, s.applied)), nil
	}
	s.applied = index
	c, err := DecodeCommand(entry)
	if err != nil {
		return failed(index, err), nil
	}
	if c.Request == "" {
		return s.execute(index, &c)
	}
	if err := validText("request id", c.Request, MaxRequestBytes); err != nil {
		return failed(index, err), nil
	}
	digest := commandDigest(c)
	if r, ok := s.requests.get(c.Request); ok {
		if r.Digest != digest {
			return failed(index, errcode.New(errcode.Conflict, "request id %q was used for another command", c.Request)), nil
		}
		return r.Result, nil
	}
	res, changes := s.execute(index, &c)
	s.requests.add(requestRecord{ID: c.Request, Digest: digest, Result: res})
	return res, changes
}

// execute runs one command as a transaction.
func (s *State) execute(index uint64, c *Command) (Result, []Change) {
	t := &tx{s: s, index: index}
	res, err := t.dispatch(c)
	if err == nil && !res.Unchanged && t.naming {
		err = t.checkReferences()
	}
	if err != nil {
		t.rollback()
		return failed(index, err), nil
	}
	if len(t.changes) > 0 {
		s.index = index
	}
	res.Index = index
	return res, t.changes
}

func (t *tx) dispatch(c *Command) (Result, error) {
	switch {
	case c.Bootstrap != nil:
		return t.bootstrap(c.Bootstrap)
	case c.PutLink != nil:
		return t.putLink(c.PutLink)
	case c.DeleteLink != nil:
		return t.deleteLink(c.DeleteLink)
	case c.PrepareSwap != nil:
		return t.prepareSwap(c.PrepareSwap, c.Request)
	case c.FlipSwap != nil:
		return t.flipSwap(c.FlipSwap)
	case c.AbortSwap != nil:
		return t.abortSwap(c.AbortSwap)
	case c.FinishDrain != nil:
		return t.finishDrain(c.FinishDrain)
	case c.PutConfig != nil:
		return t.putConfig(c.PutConfig)
	case c.DeleteConfig != nil:
		return t.deleteConfig(c.DeleteConfig)
	case c.PutComponent != nil:
		return t.putComponent(c.PutComponent)
	case c.DeleteComponent != nil:
		return t.deleteComponent(c.DeleteComponent)
	case c.PutProvider != nil:
		return t.putProvider(c.PutProvider)
	case c.DeleteProvider != nil:
		return t.deleteProvider(c.DeleteProvider)
	case c.DeployApplication != nil:
		return t.deploy(c.DeployApplication)
	case c.DeleteApplication != nil:
		return t.deleteApplication(c.DeleteApplication)
	case c.Assign != nil:
		return t.assign(c.Assign)
	}
	return Result{}, errcode.New(errcode.Invalid, "apply command: no body")
}

func (t *tx) bootstrap(b *Bootstrap) (Result, error) {
	if t.s.cluster != "" {
		if t.s.cluster == b.Cluster && t.s.lattice == b.Lattice {
			return Result{Unchanged: true}, nil
		}
		return Result{}, errcode.New(errcode.Exists, "bootstrap %s: the state belongs to cluster %s", b.Cluster, t.s.cluster)
	}
	if err := ValidName("cluster", b.Cluster); err != nil {
		return Result{}, err
	}
	if err := ValidName("lattice", b.Lattice); err != nil {
		return Result{}, err
	}
	t.s.cluster, t.s.lattice = b.Cluster, b.Lattice
	return Result{}, nil
}

// Snapshot returns the state's bytes; equal states have equal bytes.
func (s *State) Snapshot() []byte {
	snap := s.snapshot()
	snap.Applied, snap.Requests = s.applied, s.requests.list()
	return mustEncode(snap)
}

// RestoreState reads what State.Snapshot wrote.
//
// Errors:
//   - errcode.Invalid for anything else; errcode.Unsupported for another version.
func RestoreState(data []byte) (*State, error) {
	snap, err := decodeSnapshot(data)
	if err != nil {
		return nil, err
	}
	t, err := snap.tables()
	if err != nil {
		return nil, err
	}
	if snap.Applied < snap.Index {
		return nil, errcode.New(errcode.Invalid, "decode link state: applied %d < changed %d", snap.Applied, snap.Index)
	}
	s := &State{tables: *t, applied: snap.Applied}
	for _, r := range snap.Requests {
		if _, ok := s.requests.get(r.ID); ok {
			return nil, errcode.New(errcode.Invalid, "decode link state: request %q repeated", r.ID)
		}
		s.requests.add(r)
	}
	return s, nil
}

// commandDigest names a command's content without its request id.
func commandDigest(c Command) string {
	c.Request = ""
	return digestOf(c)
}

func digestOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("linkstate: digest: " + err.Error()) // strings, numbers, maps of strings: cannot fail
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// expect checks the revision a write expects; have is 0 for an absent record.
func expect(what string, want *uint64, have uint64) error {
	if want == nil || *want == have {
		return nil
	}
	if have == 0 {
		return errcode.New(errcode.Conflict, "%s: expected revision %d, it does not exist", what, *want)
	}
	if *want == 0 {
		return errcode.New(errcode.Exists, "%s exists at revision %d", what, have)
	}
	return errcode.New(errcode.Conflict, "%s: expected revision %d, it has %d", what, *want, have)
}
