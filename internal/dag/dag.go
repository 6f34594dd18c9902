// Package dag is a directed acyclic graph and the bookkeeping of a walk over it.
// The graph is never reduced: its builder keeps the edges few with gate nodes.
package dag

import (
	"fmt"
	"slices"
	"strings"
)

// Node is one vertex and what must come before it.
type Node struct {
	ID string
	// Needs have to end well: the node is skipped when one failed or was
	// skipped.
	Needs []string
	// Awaits have to end, however they do.
	Awaits []string
}

// Walk keeps what is left of a walk over a graph. It starts nothing itself and
// is not safe for concurrent use: one goroutine owns it.
type Walk struct {
	nodes   []Node
	index   map[string]int
	waiting []int    // what has not ended of needs and awaits
	spoiled []bool   // a need failed or was skipped
	next    [][]edge // who waits for this node
}

type edge struct {
	to     int
	needed bool
}

// New checks the graph (unique IDs, known needs, no cycle) in O(nodes + edges).
func New(nodes []Node) (*Walk, error) {
	w := &Walk{
		nodes:   nodes,
		index:   make(map[string]int, len(nodes)),
		waiting: make([]int, len(nodes)),
		spoiled: make([]bool, len(nodes)),
		next:    make([][]edge, len(nodes)),
	}
	for i, n := range nodes {
		if _, dup := w.index[n.ID]; dup {
			return nil, fmt.Errorf("step %q is in the graph twice", n.ID)
		}
		w.index[n.ID] = i
	}
	for i, n := range nodes {
		w.waiting[i] = len(n.Needs) + len(n.Awaits)
		for k, before := range slices.Concat(n.Needs, n.Awaits) {
			j, ok := w.index[before]
			if !ok {
				return nil, fmt.Errorf("step %q needs %q, which is not in the graph", n.ID, before)
			}
			w.next[j] = append(w.next[j], edge{i, k < len(n.Needs)})
		}
	}
	return w, w.checkAcyclic()
}

func (w *Walk) checkAcyclic() error {
	waiting := append([]int(nil), w.waiting...)
	var queue []int
	for i, n := range waiting {
		if n == 0 {
			queue = append(queue, i)
		}
	}
	seen := 0
	for ; len(queue) > 0; queue = queue[1:] {
		seen++
		for _, e := range w.next[queue[0]] {
			if waiting[e.to]--; waiting[e.to] == 0 {
				queue = append(queue, e.to)
			}
		}
	}
	if seen == len(w.nodes) {
		return nil
	}
	var stuck []string
	for i, n := range waiting {
		if n > 0 {
			stuck = append(stuck, w.nodes[i].ID)
		}
	}
	if len(stuck) > 5 {
		stuck = append(stuck[:5], "…")
	}
	return fmt.Errorf("the steps form a cycle: %s", strings.Join(stuck, ", "))
}

// Ready returns the nodes that need nothing, in the order of the graph.
func (w *Walk) Ready() []string {
	var ready []string
	for i := range w.nodes {
		if len(w.nodes[i].Needs)+len(w.nodes[i].Awaits) == 0 {
			ready = append(ready, w.nodes[i].ID)
		}
	}
	return ready
}

// End records how a node ended and returns the nodes that became ready and
// those that will never run, each in the order of the graph.
func (w *Walk) End(id string, ok bool) (ready, skipped []string) {
	type ended struct {
		node int
		ok   bool
	}
	for queue := []ended{{w.index[id], ok}}; len(queue) > 0; queue = queue[1:] {
		before := queue[0]
		for _, e := range w.next[before.node] {
			if !before.ok && e.needed {
				w.spoiled[e.to] = true
			}
			if w.waiting[e.to]--; w.waiting[e.to] > 0 {
				continue
			}
			if w.spoiled[e.to] {
				skipped = append(skipped, w.nodes[e.to].ID)
				queue = append(queue, ended{e.to, false})
			} else {
				ready = append(ready, w.nodes[e.to].ID)
			}
		}
	}
	return ready, skipped
}
