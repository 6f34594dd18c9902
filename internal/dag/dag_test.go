package dag

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		nodes []Node
		want  string
	}{
		"unknown need": {[]Node{{ID: "a", Needs: []string{"b"}}}, `"a" needs "b"`},
		"twice":        {[]Node{{ID: "a"}, {ID: "a"}}, `"a" is in the graph twice`},
		"cycle":        {[]Node{{ID: "a", Needs: []string{"b"}}, {ID: "b", Needs: []string{"a"}}, {ID: "c"}}, "cycle: a, b"},
	} {
		if _, err := New(tt.nodes); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New = %v, want %q", name, err, tt.want)
		}
	}
}

func TestFailureSkipsWhatNeedsItAndOpensWhatAwaitsIt(t *testing.T) {
	t.Parallel()
	w, err := New([]Node{
		{ID: "a/upgrade"},
		{ID: "a/verify", Needs: []string{"a/upgrade"}},
		{ID: "b/upgrade"},
		{ID: "gate", Needs: []string{"b/upgrade"}, Awaits: []string{"a/verify"}},
		{ID: "c/upgrade", Needs: []string{"gate"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Ready(); !slices.Equal(got, []string{"a/upgrade", "b/upgrade"}) {
		t.Fatalf("Ready = %v", got)
	}
	ready, skipped := w.End("a/upgrade", false)
	if len(ready) != 0 || !slices.Equal(skipped, []string{"a/verify"}) {
		t.Fatalf("after a failed: ready %v, skipped %v", ready, skipped)
	}
	ready, skipped = w.End("b/upgrade", true)
	if !slices.Equal(ready, []string{"gate"}) || len(skipped) != 0 {
		t.Fatalf("after b: ready %v, skipped %v", ready, skipped)
	}
	if ready, _ = w.End("gate", true); !slices.Equal(ready, []string{"c/upgrade"}) {
		t.Fatalf("after the gate: ready %v", ready)
	}
}

// Whatever the graph and whatever fails: every node ends exactly once, none
// starts before what it waits for has ended, and none on a need that failed.
func TestWalkProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		nodes := make([]Node, n)
		for i := range nodes {
			nodes[i] = Node{ID: fmt.Sprint(i)}
			for j := range i {
				switch rapid.IntRange(0, 9).Draw(t, "edge") {
				case 0:
					nodes[i].Needs = append(nodes[i].Needs, fmt.Sprint(j))
				case 1:
					nodes[i].Awaits = append(nodes[i].Awaits, fmt.Sprint(j))
				}
			}
		}
		w, err := New(nodes)
		if err != nil {
			t.Fatal(err)
		}
		byID := map[string]Node{}
		for _, n := range nodes {
			byID[n.ID] = n
		}
		ended := map[string]bool{} // id → ok
		end := func(id string, ok bool) {
			if _, twice := ended[id]; twice {
				t.Fatalf("%s ended twice", id)
			}
			ended[id] = ok
		}
		for ready := w.Ready(); len(ready) > 0; {
			i := rapid.IntRange(0, len(ready)-1).Draw(t, "pick")
			id := ready[i]
			ready = slices.Delete(ready, i, i+1)
			for _, need := range byID[id].Needs {
				if !ended[need] {
					t.Fatalf("%s started without %s", id, need)
				}
			}
			for _, other := range byID[id].Awaits {
				if _, done := ended[other]; !done {
					t.Fatalf("%s started before %s ended", id, other)
				}
			}
			ok := rapid.Bool().Draw(t, "ok")
			end(id, ok)
			more, skipped := w.End(id, ok)
			ready = append(ready, more...)
			for _, s := range skipped {
				end(s, false)
			}
		}
		if len(ended) != n {
			t.Fatalf("%d of %d ended", len(ended), n)
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	for _, tenants := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(tenants), func(b *testing.B) {
			var nodes []Node
			nodes = append(nodes, Node{ID: "gate"})
			for i := range tenants {
				u := fmt.Sprintf("t%d/upgrade", i)
				nodes = append(nodes, Node{ID: u, Needs: []string{"gate"}}, Node{ID: u + "/verify", Needs: []string{u}})
			}
			b.ReportAllocs()
			for b.Loop() {
				w, err := New(nodes)
				if err != nil {
					b.Fatal(err)
				}
				for queue := w.Ready(); len(queue) > 0; queue = queue[1:] {
					ready, _ := w.End(queue[0], true)
					queue = append(queue, ready...)
				}
			}
		})
	}
}
