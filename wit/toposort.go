package wit

import "container/heap"

// graph is a set of named nodes with edges to what they depend on.
type graph struct {
	what  string // of the nodes, for errors
	names []string
	index map[string]int
	edges [][]ident
}

func newGraph(what string) *graph {
	return &graph{what: what, index: map[string]int{}}
}

// add adds a node and reports whether its name is new.
func (g *graph) add(name string) bool {
	if _, ok := g.index[name]; ok {
		return false
	}
	g.index[name] = len(g.names)
	g.names = append(g.names, name)
	g.edges = append(g.edges, nil)
	return true
}

// depend records that the node depends on another one.
func (g *graph) depend(name string, on ident) {
	i := g.index[name]
	g.edges[i] = append(g.edges[i], on)
}

// sort returns the nodes so that each comes after what it depends on, and
// otherwise in the order in which they were added.
func (g *graph) sort() ([]string, error) {
	waiting := make([]int, len(g.names))
	users := make([][]int, len(g.names))
	for i, edges := range g.edges {
		waiting[i] = len(edges)
		for _, on := range edges {
			j, ok := g.index[on.name]
			if !ok {
				return nil, g.missing(on)
			}
			users[j] = append(users[j], i)
		}
	}
	var ready intHeap
	for i, n := range waiting {
		if n == 0 {
			ready = append(ready, i)
		}
	}
	heap.Init(&ready)
	order := make([]string, 0, len(g.names))
	for len(ready) > 0 {
		i := heap.Pop(&ready).(int)
		order = append(order, g.names[i])
		for _, j := range users[i] {
			if waiting[j]--; waiting[j] == 0 {
				heap.Push(&ready, j)
			}
		}
	}
	if len(order) == len(g.names) {
		return order, nil
	}
	return nil, g.cycle(waiting)
}

func (g *graph) missing(on ident) error {
	if on.name == "float32" || on.name == "float64" {
		return on.pos.errorf("%s `%s` does not exist: it has been renamed to `f%s`", g.what, on.name, on.name[len("float"):])
	}
	return on.pos.errorf("%s `%s` does not exist", g.what, on.name)
}

// cycle describes a cycle among the nodes that still wait.
func (g *graph) cycle(waiting []int) error {
	for i, edges := range g.edges {
		for _, on := range edges {
			if waiting[i] > 0 && waiting[g.index[on.name]] > 0 {
				return on.pos.errorf("%s `%s` depends on itself", g.what, on.name)
			}
		}
	}
	return nil
}

type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *intHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
