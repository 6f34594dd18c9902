package plan

import (
	"strings"
)

// identity takes a tenant's own names out of text, so that tenants whose
// transition is the same otherwise fall into one class.
type identity struct {
	names []string // longest first, with what stands for each
	marks []string
}

func identityOf(m *Move) identity {
	if m.Slug == "" {
		return identity{}
	}
	var id identity
	add := func(name, mark string) {
		if name != "" {
			id.names, id.marks = append(id.names, name), append(id.marks, mark)
		}
	}
	// A name that is made of the slug is told by it.
	if !strings.Contains(m.Release.Namespace, m.Slug) {
		add(m.Release.Namespace, "<namespace>")
	}
	if !strings.Contains(m.Release.Name, m.Slug) {
		add(m.Release.Name, "<release>")
	}
	add(m.Slug, "<slug>")
	return id
}

// remove replaces every whole occurrence of the tenant's names.
func (id identity) remove(s string) string {
	for i, name := range id.names {
		s = replaceToken(s, name, id.marks[i])
	}
	return s
}

// replaceToken replaces name where no letter or digit touches it.
func replaceToken(s, name, mark string) string {
	if !strings.Contains(s, name) {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, name)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		end := i + len(name)
		touched := i > 0 && wordByte(s[i-1]) || end < len(s) && wordByte(s[end])
		b.WriteString(s[:i])
		if touched {
			b.WriteString(name)
		} else {
			b.WriteString(mark)
		}
		s = s[end:]
	}
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
