package schema

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/zclconf/go-cty/cty"
	yamlv3 "go.yaml.in/yaml/v3"
)

// compatibility resolves the block. Without one, every pair is allowed in
// which the tenant is not ahead of the system.
func (l *loader) compatibility() {
	n := l.top.one("compatibility")
	if n == nil {
		l.fleet.Compatibility = &Compatibility{Unlisted: UnlistedAllow}
		return
	}
	x := &instance{l: l}
	c := &Compatibility{Unlisted: Unlisted(x.text(n, "unlisted")), Source: n.source()}
	if v, a, ok := x.value(n, "matrix", cty.String); ok {
		c.Matrix = l.matrix(x, a, v.AsString())
	}
	rated := map[string]Rule{}
	for _, b := range n.blocks["rule"] {
		r := Rule{Status: Status(x.text(b, "status")), Notes: x.text(b, "notes"), Source: b.source()}
		r.System, r.SystemText = x.constraint(b, "system")
		r.Tenant, r.TenantText = x.constraint(b, "tenant")
		if r.System == nil || r.Tenant == nil {
			continue
		}
		key := r.System.String() + "\x00" + r.Tenant.String()
		if first, dup := rated[key]; dup && r.Status != "" && first.Status != "" {
			if first.Status != r.Status {
				l.sink.error("", b.header, "Contradicting rules", fmt.Sprintf("Another rule, at %s:%d, has the same ranges and the status %q instead of %q. Keep one of them.", first.Source.Block.Filename, first.Source.Block.Start.Line, first.Status, r.Status))
			} else {
				l.sink.warn("", b.header, "Rule written twice", fmt.Sprintf("The rule at %s:%d says the same. Remove one of them.", first.Source.Block.Filename, first.Source.Block.Start.Line))
			}
			continue
		}
		rated[key] = r
		c.Rules = append(c.Rules, r)
	}
	l.stops(x, n, c)
	c.Unsure = x.unsure
	l.fleet.Compatibility = c
}

// stops resolves stop blocks and warns of those that no upgrade to what the
// files ask for can pass.
func (l *loader) stops(x *instance, n *node, c *Compatibility) {
	seen := map[string]hcl.Range{}
	for _, b := range n.blocks["stop"] {
		s := Stop{Component: Component(x.text(b, "component")), Version: x.version(b, "version"), Source: b.source()}
		if s.Version == nil || s.Component == "" {
			continue
		}
		key := string(s.Component) + " " + s.Version.String()
		if first, dup := seen[key]; dup {
			l.sink.warn("", b.header, "Stop written twice", fmt.Sprintf("The stop at %s:%d says the same. Remove one of them.", first.Filename, first.Start.Line))
			continue
		}
		seen[key] = b.header
		c.Stops = append(c.Stops, s)
		highest := l.highestTarget(s.Component)
		if highest != nil && s.Version.GreaterThan(highest) {
			l.sink.warn("", s.Source.At("version"), "Stop outside any path", fmt.Sprintf("No %s is to run a version above %s, so no upgrade passes %s.", s.Component, highest, s.Version))
		}
	}
}

// highestTarget returns the highest version that the files ask for; nil where
// that is not known.
func (l *loader) highestTarget(c Component) *semver.Version {
	if c == ComponentSystem {
		if l.fleet.System == nil {
			return nil
		}
		return l.fleet.System.Version
	}
	if len(l.missing) > 0 {
		return nil // a tenant that is not known may want a higher one
	}
	var highest *semver.Version
	for _, t := range l.fleet.Tenants {
		if highest == nil || t.Version.GreaterThan(highest) {
			highest = t.Version
		}
	}
	return highest
}

// matrix reads the YAML form of the matrix, with the line of each entry.
func (l *loader) matrix(x *instance, a *attr, text string) []Pair {
	from, known := l.sources.byText[text]
	if known {
		l.files[from] = &hcl.File{Bytes: []byte(text)}
	}
	fail := func(node *yamlv3.Node, why string) {
		if !known || node == nil {
			x.fail(a, "Invalid compatibility matrix", prose.Capital(why))
			return
		}
		r := yamlRange(from, text, node)
		l.sink.error("", r, "Invalid compatibility matrix", prose.Capital(why))
	}
	if err := checkYAML(text); err != nil {
		fail(nil, err.Error()+".")
		return nil
	}
	var doc yamlv3.Node
	if err := yamlv3.Unmarshal([]byte(text), &doc); err != nil {
		fail(nil, "the text is no YAML: "+yamlError(err).Error()+".")
		return nil
	}
	if found := duplicates(&doc, nil); len(found) > 0 {
		fail(found[0].nodes[1], sayDuplicates(found)+".")
		return nil
	}
	if len(doc.Content) == 0 {
		x.warn(a, "Empty compatibility matrix", "The matrix has no entries.")
		return nil
	}
	const form = "it must be a list of entries: - {system: \"0.2.1\", tenant: [{version: \"0.2.0\", status: supported}]}."
	root := doc.Content[0]
	if root.Kind != yamlv3.SequenceNode {
		fail(root, "this is not the matrix's form; "+form)
		return nil
	}
	source := func(node *yamlv3.Node) Source {
		s := Source{Block: a.raw.Range()}
		if known {
			s.Block = yamlRange(from, text, node)
		}
		return s
	}
	var pairs []Pair
	listed := map[string]Pair{}
	for _, entry := range root.Content {
		fields, ok := yamlFields(entry, fail, form, "system", "tenant")
		if !ok {
			continue
		}
		system := yamlVersion(fields["system"], fail)
		list := fields["tenant"]
		if system == nil || list == nil || list.Kind != yamlv3.SequenceNode {
			if list == nil || list.Kind != yamlv3.SequenceNode {
				fail(entry, "the entry needs tenant, a list of {version, status}.")
			}
			continue
		}
		for _, row := range list.Content {
			cells, ok := yamlFields(row, fail, form, "version", "status", "notes")
			if !ok {
				continue
			}
			p := Pair{System: system, Tenant: yamlVersion(cells["version"], fail), Status: Supported, Source: source(row)}
			if s := cells["status"]; s == nil {
				fail(row, "the entry needs a status: supported, deprecated or blocked.")
				continue
			} else if p.Status = Status(s.Value); p.Status != Supported && p.Status != Deprecated && p.Status != Blocked {
				fail(s, fmt.Sprintf("the status must be supported, deprecated or blocked, not %q.%s", s.Value, didYouMean(s.Value, []string{"supported", "deprecated", "blocked"})))
				continue
			}
			if nn := cells["notes"]; nn != nil {
				p.Notes = nn.Value
			}
			if p.Tenant == nil {
				continue
			}
			key := p.System.String() + " " + p.Tenant.String()
			if first, dup := listed[key]; dup {
				if first.Status != p.Status {
					fail(row, fmt.Sprintf("system %s with tenant %s is listed as %s at line %d and as %s here. Keep one of them.", p.System, p.Tenant, first.Status, first.Source.Block.Start.Line, p.Status))
				}
				continue
			}
			listed[key] = p
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// yamlFields returns the values of a mapping by key, and reports unknown keys.
func yamlFields(n *yamlv3.Node, fail func(*yamlv3.Node, string), form string, known ...string) (map[string]*yamlv3.Node, bool) {
	if n.Kind == yamlv3.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if n.Kind != yamlv3.MappingNode {
		fail(n, "this is not the matrix's form; "+form)
		return nil, false
	}
	fields := map[string]*yamlv3.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		if val.Kind == yamlv3.AliasNode && val.Alias != nil {
			val = val.Alias
		}
		if !contains(known, key.Value) {
			fail(key, fmt.Sprintf("there is no key %q here; there are %s.%s", key.Value, strings.Join(known, ", "), didYouMean(key.Value, known)))
			continue
		}
		fields[key.Value] = val
	}
	return fields, true
}

func yamlVersion(n *yamlv3.Node, fail func(*yamlv3.Node, string)) *semver.Version {
	if n == nil {
		return nil
	}
	v, err := semver.NewVersion(n.Value)
	if err != nil || !exactVersion.MatchString(n.Value) {
		fail(n, fmt.Sprintf("%q is no exact version, such as \"0.2.1\".", n.Value))
		return nil
	}
	return v
}

// yamlRange returns the place of a scalar, or of the start of anything else.
func yamlRange(file, text string, n *yamlv3.Node) hcl.Range {
	byteAt := 0
	for line := 1; line < n.Line; line++ {
		i := strings.IndexByte(text[byteAt:], '\n')
		if i < 0 {
			break
		}
		byteAt += i + 1
	}
	start := hcl.Pos{Line: n.Line, Column: n.Column, Byte: min(byteAt+n.Column-1, len(text))}
	width := len(n.Value)
	if rest := text[start.Byte:]; width == 0 {
		width = len(rest)
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			width = i
		}
	}
	end := hcl.Pos{Line: n.Line, Column: n.Column + width, Byte: min(start.Byte+width, len(text))}
	return hcl.Range{Filename: file, Start: start, End: end}
}
