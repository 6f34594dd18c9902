package view

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/soctalk/fleet/plan"
)

// checkMermaid reads the text with a strict parser of what we may write: every
// line is of a known form, subgraphs nest and close, every node is defined once
// within a subgraph, and edges and styles name nodes that are.
func checkMermaid(t *testing.T, name string, doc *plan.Document, g *graph) {
	t.Helper()
	m, err := parseMermaid(render(t, GraphMermaid, doc))
	if err != nil {
		t.Errorf("%s: Mermaid: %v", name, err)
		return
	}
	if m.edges != len(g.edges) || m.nodes != len(g.nodes) || m.subgraphs != clusters(g) {
		t.Errorf("%s: Mermaid has %d nodes, %d edges, %d subgraphs; want %d, %d, %d", name, m.nodes, m.edges, m.subgraphs, len(g.nodes), len(g.edges), clusters(g))
	}
}

type mermaid struct{ nodes, edges, subgraphs int }

// A label has no character that Mermaid reads, save entities and breaks.
const mermaidLabelForm = `"((?:[^"` + "`" + `<>\[\]{}()|;#&%$*_\\]|<br/>|#(?:\d+|[a-z]+);)*)"`

var (
	mermaidSubgraph = regexp.MustCompile(`^subgraph ([a-z]+\d+)\[` + mermaidLabelForm + `\]$`)
	mermaidNode     = regexp.MustCompile(`^(n\d+)(?:\[` + mermaidLabelForm + `\]|\[\(` + mermaidLabelForm + `\)\]|\{\{` + mermaidLabelForm + `\}\})$`)
	mermaidEdge     = regexp.MustCompile(`^(n\d+) --> (n\d+)$`)
	mermaidStyle    = regexp.MustCompile(`^style (n\d+) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#1f2328(,stroke-width:3px)?$`)
)

func parseMermaid(text string) (m mermaid, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "flowchart LR" {
		return m, fmt.Errorf("it begins with %q", lines[0])
	}
	ids, depth := map[string]bool{}, 0
	define := func(id string) error {
		if ids[id] {
			return fmt.Errorf("%s is defined twice", id)
		}
		ids[id] = true
		return nil
	}
	for _, line := range lines[1:] {
		line = strings.TrimLeft(line, " ")
		if s := mermaidSubgraph.FindStringSubmatch(line); s != nil {
			depth++
			m.subgraphs++
			if err := define(s[1]); err != nil {
				return m, err
			}
		} else if s := mermaidNode.FindStringSubmatch(line); s != nil {
			m.nodes++
			if err := define(s[1]); err != nil || depth == 0 {
				return m, fmt.Errorf("%s in no subgraph, or %w", s[1], err)
			}
		} else if s := mermaidEdge.FindStringSubmatch(line); s != nil {
			m.edges++
			if !ids[s[1]] || !ids[s[2]] || depth != 0 {
				return m, fmt.Errorf("edge %q", line)
			}
		} else if s := mermaidStyle.FindStringSubmatch(line); s != nil {
			if !ids[s[1]] || depth != 0 {
				return m, fmt.Errorf("style %q", line)
			}
		} else if line == "end" && depth > 0 {
			depth--
		} else if line != "direction TB" || depth == 0 {
			return m, fmt.Errorf("line %q", line)
		}
	}
	if depth != 0 {
		return m, fmt.Errorf("%d subgraphs stay open", depth)
	}
	return m, nil
}

// Whatever the fleet, Mermaid draws it: by default it takes 50,000 characters
// and 500 edges.
func TestMermaidDrawsHugeFleets(t *testing.T) {
	t.Parallel()
	doc := hugeDocument(1)
	text := render(t, GraphMermaid, doc)
	if edges := strings.Count(text, " --> "); len(text) > 50_000 || edges > 500 {
		t.Errorf("%d characters, %d edges", len(text), edges)
	}
	checkMermaid(t, "huge", doc, newGraph(doc))
}
