// Package dag is a directed acyclic graph and the bookkeeping of a walk over it.
// The graph is never reduced: its builder keeps the edges few with gate nodes.
package dag

import (
	"fmt"
	"strings"
)

// Node is one vertex and what must come before it.
type Node struct {
	ID    string
	Needs []string
	// Tolerant nodes wait for what they need to end, however it ends; all
	// others are skipped when something that they need failed or was skipped.
	Tolerant bool
}

// Walk keeps what is left of a walk over a graph. It starts nothing itself and
// is not safe for concurrent use: one goroutine owns it.
type Walk struct {
	nodes   []Node
	index   map[string]int
	waiting []int   // needs that have not ended
	spoiled []bool  // a need failed or was skipped
	next    [][]int // who needs this node
	left    int
}

// New checks the graph (unique IDs, known needs, no cycle) in O(nodes + edges).
func New(nodes []Node) (*Walk, error) {
	w := &Walk{
		nodes:   nodes,
		index:   make(map[string]int, len(nodes)),
		waiting: make([]int, len(nodes)),
		spoiled: make([]bool, len(nodes)),
		next:    make([][]int, len(nodes)),
		left:    len(nodes),
	}
	for i, n := range nodes {
		if _, dup := w.index[n.ID]; dup {
			return nil, fmt.Errorf("step %q is in the graph twice", n.ID)
		}
		w.index[n.ID] = i
	}
	for i, n := range nodes {
		w.waiting[i] = len(n.Needs)
		for _, need := range n.Needs {
			j, ok := w.index[need]
			if !ok {
				return nil, fmt.Errorf("step %q needs %q, which is not in the graph", n.ID, need)
			}
			w.next[j] = append(w.next[j], i)
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
		for _, j := range w.next[queue[0]] {
			if waiting[j]--; waiting[j] == 0 {
				queue = append(queue, j)
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
		if len(w.nodes[i].Needs) == 0 {
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
		e := queue[0]
		w.left--
		for _, j := range w.next[e.node] {
			if !e.ok && !w.nodes[j].Tolerant {
				w.spoiled[j] = true
			}
			if w.waiting[j]--; w.waiting[j] > 0 {
				continue
			}
			if w.spoiled[j] {
				skipped = append(skipped, w.nodes[j].ID)
				queue = append(queue, ended{j, false})
			} else {
				ready = append(ready, w.nodes[j].ID)
			}
		}
	}
	return ready, skipped
}

// Left returns how many nodes have not ended.
func (w *Walk) Left() int { return w.left }
