package schema

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/zclconf/go-cty/cty"
)

// node is one written block, checked against the table.
type node struct {
	spec   *block
	labels []string
	header hcl.Range
	label  hcl.Range // of the first label; the header where there is none
	attrs  map[string]*attr
	blocks map[string][]*node
	order  []string // identity attributes, in order of evaluation
	self   *bool    // the answer of refersToSelf
	ranges *Source  // the answer of source
	// inherited names the attributes that came from tenant_defaults.
	inherited map[string]bool
	// meant are the names that misspelt ones in it most likely stand for: that
	// they are missing need not be said as well.
	meant map[string]bool
}

// attr is one written attribute.
type attr struct {
	spec *attribute
	name string
	at   hcl.Range // the name
	raw  hcl.Expression
	expr hcl.Expression // raw, with JSON syntax lowered to native expressions
	// each and self say that the value depends on the instance; selves are the
	// attributes of self that are used, "*" for the whole.
	each, self bool
	selves     []string
	bad        bool // a reference in it is wrong, and reported
	// under is what tenant_defaults has, which counts where this one is null.
	under *attr
	// value and memo are kept of an attribute that is the same for all
	// instances: what it evaluates to and what was made of that.
	value *cty.Value
	memo  any
}

// header returns what Terraform calls a block: type and labels.
func (n *node) title() string {
	if len(n.labels) == 0 {
		return n.spec.name
	}
	return fmt.Sprintf("%s %q", n.spec.name, n.labels[0])
}

func (n *node) name() string {
	if len(n.labels) == 0 {
		return ""
	}
	return n.labels[0]
}

// one returns the only block of the kind, or nil.
func (n *node) one(name string) *node {
	if l := n.blocks[name]; len(l) > 0 {
		return l[0]
	}
	return nil
}

// bodySchema is what HCL needs to know of a block's content.
func (b *block) bodySchema() *hcl.BodySchema {
	s := &hcl.BodySchema{}
	for _, a := range b.attrs {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: a.name})
	}
	for _, c := range b.blocks {
		bs := hcl.BlockHeaderSchema{Type: c.name}
		if c.label != "" {
			bs.LabelNames = []string{c.label}
		}
		s.Blocks = append(s.Blocks, bs)
	}
	return s
}

// decode checks a body against its row of the table, without evaluating
// anything.
func (l *loader) decode(body hcl.Body, spec *block, labels []string, header, label hcl.Range) *node {
	n := &node{spec: spec, labels: labels, header: header, label: label,
		attrs: map[string]*attr{}, blocks: map[string][]*node{}}
	if spec.open {
		attrs, diags := body.JustAttributes()
		l.sink.add("", diags...)
		for name, a := range attrs {
			if !l.identifier(a.NameRange, "name", name) {
				continue
			}
			n.attrs[name] = l.attribute(a, &attribute{name: name, kind: kindAny, secret: true})
		}
		return n
	}
	content, diags := body.Content(spec.bodySchema())
	diags, n.meant = l.clarify(spec, diags)
	l.sink.add("", diags...)
	for name, a := range content.Attributes {
		n.attrs[name] = l.attribute(a, spec.attr(name))
	}
	seen := map[string]hcl.Range{}
	for _, b := range content.Blocks {
		child := spec.block(b.Type)
		at := b.DefRange
		if len(b.LabelRanges) > 0 {
			at = b.LabelRanges[0]
		}
		c := l.decode(b.Body, child, b.Labels, b.DefRange, at)
		key := b.Type
		if child.label != "" && b.Type != "release" {
			key += "\x00" + b.Labels[0]
		}
		if first, dup := seen[key]; dup && (child.label != "" && b.Type != "release" || !child.many) {
			l.duplicate(c, first)
			continue
		}
		seen[key] = b.DefRange
		l.checkLabel(c)
		n.blocks[b.Type] = append(n.blocks[b.Type], c)
	}
	return n
}

func (l *loader) duplicate(n *node, first hcl.Range) {
	if n.spec.label == "" {
		l.sink.error("", n.header, fmt.Sprintf("Duplicate %s block", n.spec.name),
			fmt.Sprintf("Only one %s block is allowed here; the first is at %s:%d.", n.spec.name, first.Filename, first.Start.Line))
		return
	}
	l.sink.error("", n.label, fmt.Sprintf("Duplicate %s %q", n.spec.name, n.labels[0]),
		fmt.Sprintf("A %s named %q was already declared at %s:%d. Names are unique; rename one of them.", n.spec.name, n.labels[0], first.Filename, first.Start.Line))
}

// checkLabel holds a label against what its kind of block allows.
func (l *loader) checkLabel(n *node) {
	if len(n.labels) == 0 {
		return
	}
	switch n.spec.name {
	case "release", "registry":
	case "prerequisite":
		if n.labels[0] == "" {
			l.sink.error("", n.label, "Invalid name", "The label of a prerequisite must not be empty.")
		}
	default:
		l.identifier(n.label, "name of this "+n.spec.name, n.labels[0])
	}
}

func (l *loader) identifier(at hcl.Range, what, s string) bool {
	if validIdentifier(s) {
		return true
	}
	l.sink.error("", at, "Invalid name", fmt.Sprintf("The %s must start with a letter or underscore and may contain only letters, digits, underscores and dashes; %q does not.", what, s))
	return false
}

func validIdentifier(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		case i > 0 && (r >= '0' && r <= '9' || r == '-'):
		default:
			return false
		}
	}
	return true
}

// clarify makes HCL's own messages about structure say more, and returns the
// names that they suggest.
func (l *loader) clarify(spec *block, diags hcl.Diagnostics) (hcl.Diagnostics, map[string]bool) {
	meant := map[string]bool{}
	for _, d := range diags {
		if d.Summary != "Unsupported argument" && d.Summary != "Unsupported block type" && d.Summary != "Extraneous JSON object property" {
			continue
		}
		if _, suggestion, made := strings.Cut(d.Detail, "Did you mean"); made {
			meant[firstQuoted(suggestion)] = true
			continue
		}
		if name := firstQuoted(d.Detail); name != "" {
			if s := suggest(name, spec.names()); s != "" {
				meant[s] = true
				d.Detail += fmt.Sprintf(" Did you mean %q?", s)
				continue
			}
		}
		if spec.name != "" {
			d.Detail += fmt.Sprintf(" %s block may have: %s.", prose.Capital(article(spec.name)), strings.Join(spec.names(), ", "))
		} else {
			d.Detail += fmt.Sprintf(" There are: %s.", strings.Join(spec.names(), ", "))
		}
	}
	return diags, meant
}

func firstQuoted(s string) string {
	_, rest, ok := strings.Cut(s, `"`)
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

func (b *block) names() []string {
	var names []string
	for _, a := range b.attrs {
		names = append(names, a.name)
	}
	for _, c := range b.blocks {
		names = append(names, c.name)
	}
	return names
}

// maxSuggested is how many known names are looked through for a misspelt one.
const maxSuggested = 5000

// suggest returns the known name nearest to a misspelt one, or nothing.
func suggest(name string, known []string) string {
	best, bestDist := "", 1+max(min(2, len(name)/2), len(name)/3)
	if len(name) > 100 || len(known) > maxSuggested {
		return ""
	}
	for _, k := range known {
		if len(k) > 100 {
			continue
		}
		if d := levenshtein.Distance(name, k, nil); d < bestDist {
			best, bestDist = k, d
		}
	}
	return best
}

// didYouMean returns a suggestion as a sentence, with a leading space.
func didYouMean(name string, known []string) string {
	if s := suggest(name, known); s != "" {
		return fmt.Sprintf(" Did you mean %q?", s)
	}
	return ""
}

// over returns n with what it leaves out taken from defaults: attributes, and
// attributes of nested blocks with the same label; blocks without label add up.
func (n *node) over(defaults *node) *node {
	if defaults == nil {
		return n
	}
	m := &node{spec: n.spec, labels: n.labels, header: n.header, label: n.label,
		attrs: map[string]*attr{}, blocks: map[string][]*node{}, inherited: map[string]bool{}, meant: map[string]bool{}}
	for _, names := range []map[string]bool{defaults.meant, n.meant} {
		for name := range names {
			m.meant[name] = true
		}
	}
	for k, a := range defaults.attrs {
		m.attrs[k], m.inherited[k] = a, true
	}
	for k, a := range n.attrs {
		if under := defaults.attrs[k]; under != nil && a.mayBeNull() {
			c := *a
			c.under, a = under, &c
		}
		m.attrs[k], m.inherited[k] = a, false
	}
	for k, inherited := range defaults.blocks {
		for _, d := range inherited {
			own := n.labelled(k, d.name())
			if own == nil {
				m.blocks[k] = append(m.blocks[k], d.as(n.spec.block(k)))
			}
		}
	}
	for k, own := range n.blocks {
		for _, o := range own {
			m.blocks[k] = append(m.blocks[k], o.over(defaults.labelled(k, o.name())))
		}
	}
	return m
}

// as returns the block held against another row of the table, one that
// requires more.
func (n *node) as(spec *block) *node {
	m := *n
	m.spec = spec
	m.blocks = map[string][]*node{}
	for k, list := range n.blocks {
		for _, b := range list {
			m.blocks[k] = append(m.blocks[k], b.as(spec.block(k)))
		}
	}
	return &m
}

// labelled returns the nested block of a kind with a label.
func (n *node) labelled(kind, label string) *node {
	if label == "" {
		return nil
	}
	for _, b := range n.blocks[kind] {
		if b.name() == label {
			return b
		}
	}
	return nil
}

// complete reports required attributes and blocks that are missing, and
// choices that were not made exactly once, here and in nested blocks. Choices
// that depend on the instance are left to it.
func (l *loader) complete(n *node, address string) {
	for _, a := range n.spec.attrs {
		if a.required && n.attrs[a.name] == nil && !n.meant[a.name] {
			l.sink.error("", n.header, "Missing required argument", fmt.Sprintf("The argument %q is required in %s%s, but was not written.", a.name, n.title(), n.orDefaults()))
		}
	}
	(&instance{l: l, address: address}).exactlyOne(n)
	for _, c := range n.spec.blocks {
		if c.must && len(n.blocks[c.name]) == 0 && !n.meant[c.name] {
			l.sink.error("", n.header, "Missing block", fmt.Sprintf("%s block is required.", prose.Capital(article(c.name))))
		}
		for _, b := range n.blocks[c.name] {
			l.complete(b, address)
		}
	}
}

// orDefaults names the other place where an attribute may be written.
func (n *node) orDefaults() string {
	if n.spec.inherits() && n.spec.each {
		return " or in tenant_defaults"
	}
	return ""
}

// refersToSelf reports whether an expression in the block, or in one within,
// uses self.
func (n *node) refersToSelf() bool {
	if n.self != nil {
		return *n.self
	}
	uses := false
	for _, a := range n.attrs {
		uses = uses || a.self || a.under != nil && a.under.self
	}
	for _, list := range n.blocks {
		for _, b := range list {
			uses = uses || b.refersToSelf()
		}
	}
	n.self = &uses
	return uses
}

// source returns the ranges for typed values made from the block; all of them
// share it.
func (n *node) source() Source {
	if n.ranges != nil {
		return *n.ranges
	}
	s := Source{Block: n.header, Attrs: make(map[string]hcl.Range, len(n.attrs))}
	for name, a := range n.attrs {
		s.Attrs[name] = a.raw.Range()
	}
	n.ranges = &s
	return s
}
