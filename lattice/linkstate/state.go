package linkstate

// State is the state machine. It is not safe for concurrent use; its Views
// are.
type State struct {
	tables
	applied  uint64 // index of the last entry applied
	requests requestTable
}

// NewState returns an empty state.
func NewState() *State { return &State{} }

// View returns an immutable reading.
func (s *State) View() *View { return s.view() }

// Applied returns the index of the last entry applied.
func (s *State) Applied() uint64 { return s.applied }
