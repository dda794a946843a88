package components

// NeverReuse has t instantiate every time, for comparison.
func (t *Template) NeverReuse() { t.reuse.possible = false }

// Kept returns how many instances t keeps, set back.
func (t *Template) Kept() int {
	t.reuse.mu.Lock()
	defer t.reuse.mu.Unlock()
	return len(t.reuse.free)
}
