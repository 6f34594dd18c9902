package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// maxDuplicates is how many keys that stand twice one message names.
const maxDuplicates = 3

// checkKeys refuses a text in which a key stands twice in one mapping. Decoders
// take the last of them without a word, so that a tenant, or all of its values,
// could be lost to a line that was appended.
func checkKeys(text string) error {
	var doc yamlv3.Node
	if yamlv3.Unmarshal([]byte(text), &doc) != nil {
		return nil // what is wrong with it, the decoder says
	}
	found := duplicates(&doc, nil)
	if len(found) == 0 {
		return nil
	}
	return errors.New(sayDuplicates(found))
}

// duplicate is a key that one mapping has more than once.
type duplicate struct {
	key   string
	nodes []*yamlv3.Node
}

// duplicates appends what stands twice in a tree. What an alias refers to is
// looked at where it is written, and merge keys may well bring a key that is
// written beside them, or stand twice themselves: nothing is lost by that.
func duplicates(n *yamlv3.Node, found []duplicate) []duplicate {
	if n.Kind == yamlv3.MappingNode {
		found = append(found, twice(n)...)
	}
	for _, c := range n.Content {
		found = duplicates(c, found)
	}
	return found
}

// twice returns the keys that a mapping has more than once, in the order of
// their second places.
func twice(n *yamlv3.Node) []duplicate {
	var found []duplicate
	first := make(map[string]*yamlv3.Node, len(n.Content)/2)
	at := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yamlv3.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		if key.Kind != yamlv3.ScalarNode || key.Tag == "!!merge" {
			continue
		}
		// A chart gets every key as a text, so 1 and "1" are the same one.
		before := first[key.Value]
		if before == nil {
			first[key.Value] = n.Content[i]
			continue
		}
		j, known := at[key.Value]
		if !known {
			j = len(found)
			at[key.Value] = j
			found = append(found, duplicate{key.Value, []*yamlv3.Node{before}})
		}
		found[j].nodes = append(found[j].nodes, n.Content[i])
	}
	return found
}

func sayDuplicates(found []duplicate) string {
	var parts []string
	for _, d := range found[:min(maxDuplicates, len(found))] {
		parts = append(parts, d.String())
	}
	if n := len(found) - maxDuplicates; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more likewise", n))
	}
	return strings.Join(parts, "; ") + "; only the last would count, so keep one of them"
}

// shown is the key, cut where it is hardly a name.
func (d duplicate) shown() string {
	if r := []rune(d.key); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return d.key
}

func (d duplicate) String() string {
	times := "twice"
	if n := len(d.nodes); n > 2 {
		times = strconv.Itoa(n) + " times"
	}
	lines := make([]string, len(d.nodes))
	for i, n := range d.nodes {
		lines[i] = strconv.Itoa(n.Line)
	}
	last := len(lines) - 1
	where := fmt.Sprintf("on lines %s and %s", strings.Join(lines[:last], ", "), lines[last])
	if d.nodes[0].Line == d.nodes[last].Line {
		where = "on line " + lines[0]
	}
	return fmt.Sprintf("the key %q stands %s, %s", d.shown(), times, where)
}
