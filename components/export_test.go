package components

// Kept returns how many instances t keeps, set back.
func (t *Template) Kept() int {
	t.reuse.mu.Lock()
	defer t.reuse.mu.Unlock()
	return len(t.reuse.free)
}
