package host

import (
	"context"
	"sync"

	"latticework/components"
)

// idlePool keeps used instances, last in, first out.
type idlePool struct {
	max  uint32 // uses of one instance
	mu   sync.Mutex
	free []idleInstance // guarded by mu
	shut bool           // guarded by mu
}

type idleInstance struct {
	in   *components.Instance
	uses uint32
}

// maxIdle bounds the instances kept.
const maxIdle = 64

func newIdlePool(uses uint32) *idlePool {
	if uses == 0 {
		uses = 10_000
	}
	return &idlePool{max: uses}
}

func (p *idlePool) get() (*components.Instance, uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil, 0
	}
	i := p.free[n-1]
	p.free = p.free[:n-1]
	return i.in, i.uses
}

// put reports whether it took the instance.
func (p *idlePool) put(in *components.Instance, uses uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut || uses >= p.max || len(p.free) >= maxIdle {
		return false
	}
	p.free = append(p.free, idleInstance{in, uses})
	return true
}

func (p *idlePool) close(ctx context.Context) {
	p.mu.Lock()
	free := p.free
	p.free, p.shut = nil, true
	p.mu.Unlock()
	for _, i := range free {
		i.in.Release(ctx)
	}
}
