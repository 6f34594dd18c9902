package schema

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// maxNamed is how many further addresses a diagnostic lists by name.
const maxNamed = 5

// Addressed is implemented by the Extra of a diagnostic that concerns one
// release, wave or tenant; find it with [hcl.DiagnosticExtra].
type Addressed interface {
	// DiagnosticAddress returns an address as on the page "Addresses".
	DiagnosticAddress() string
}

type addressExtra struct {
	address string
	inner   any
}

func (e addressExtra) DiagnosticAddress() string  { return e.address }
func (e addressExtra) UnwrapDiagnosticExtra() any { return e.inner }

type finding struct {
	diag   *hcl.Diagnostic
	others []string
	more   int
}

// sink collects diagnostics. The same finding at the same place, made for
// many instances of a block, is kept once.
type sink struct {
	byKey map[string]*finding
	all   []*finding
	errs  int
}

func newSink() *sink { return &sink{byKey: map[string]*finding{}} }

// add records diagnostics found while working on address, which may be empty.
func (s *sink) add(address string, diags ...*hcl.Diagnostic) {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			s.errs++
		}
		key := d.Summary
		if d.Subject != nil {
			key += "\x00" + d.Subject.String()
			if address == "" {
				key += "\x00" + d.Detail
			}
		} else {
			key += "\x00" + d.Detail
		}
		if f, ok := s.byKey[key]; ok {
			if address != "" && f.diag.Subject != nil {
				f.also(address)
			}
			continue
		}
		f := &finding{diag: d}
		if address != "" {
			c := *d
			c.Extra = addressExtra{address: address, inner: d.Extra}
			f.diag = &c
		}
		s.byKey[key] = f
		s.all = append(s.all, f)
	}
}

func (f *finding) also(address string) {
	if e, ok := f.diag.Extra.(addressExtra); ok && e.address == address {
		return
	}
	for _, o := range f.others {
		if o == address {
			return
		}
	}
	if len(f.others) < maxNamed {
		f.others = append(f.others, address)
	} else {
		f.more++
	}
}

// error records an error; detail says what to do about it.
func (s *sink) error(address string, at hcl.Range, summary, detail string) {
	s.add(address, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: subject(at)})
}

// warn records a warning.
func (s *sink) warn(address string, at hcl.Range, summary, detail string) {
	s.add(address, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: subject(at)})
}

func subject(at hcl.Range) *hcl.Range {
	if at == (hcl.Range{}) {
		return nil
	}
	return &at
}

// diagnostics returns what was found, by file and line; what has no place
// comes first.
func (s *sink) diagnostics() hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, f := range s.all {
		d := f.diag
		if n := len(f.others) + f.more; n > 0 {
			c := *d
			c.Detail = strings.TrimSpace(c.Detail + "\n\n" + f.rest(n))
			d = &c
		}
		out = append(out, d)
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i].Subject, out[j].Subject
		switch {
		case a == nil || b == nil:
			return a == nil && b != nil
		case a.Filename != b.Filename:
			return a.Filename < b.Filename
		case a.Start.Line != b.Start.Line:
			return a.Start.Line < b.Start.Line
		case a.Start.Byte != b.Start.Byte:
			return a.Start.Byte < b.Start.Byte
		}
		return out[i].Severity < out[j].Severity
	})
	return out
}

func (f *finding) rest(n int) string {
	first := ""
	if e, ok := f.diag.Extra.(addressExtra); ok {
		first = e.address
	}
	list := strings.Join(f.others, ", ")
	if f.more > 0 {
		list = fmt.Sprintf("%s and %d more", list, f.more)
	}
	have := "have"
	if n == 1 {
		have = "has"
	}
	return fmt.Sprintf("This is about %s; %d more %s the same: %s.", first, n, have, list)
}
