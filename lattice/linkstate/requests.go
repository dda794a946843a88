package linkstate

// requestTable remembers the results of the last MaxRequests commands that
// carried a request id, so that repeating one has no second effect.
type requestTable struct {
	byID  map[string]requestRecord
	order []string // ids, oldest first from head
	head  int
}

// requestRecord is one remembered command.
type requestRecord struct {
	ID     string `json:"id"`
	Digest string `json:"digest"` // of the command without its request id
	Result Result `json:"result"`
}

func (t *requestTable) get(id string) (requestRecord, bool) {
	r, ok := t.byID[id]
	return r, ok
}

func (t *requestTable) add(r requestRecord) {
	if t.byID == nil {
		t.byID = map[string]requestRecord{}
	}
	t.byID[r.ID] = r
	t.order = append(t.order, r.ID)
	if len(t.order)-t.head > MaxRequests {
		delete(t.byID, t.order[t.head])
		t.head++
	}
	if t.head > MaxRequests {
		t.order = append([]string(nil), t.order[t.head:]...)
		t.head = 0
	}
}

func (t *requestTable) list() []requestRecord {
	out := make([]requestRecord, 0, len(t.order)-t.head)
	for _, id := range t.order[t.head:] {
		out = append(out, t.byID[id])
	}
	return out
}
