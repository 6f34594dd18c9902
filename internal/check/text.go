package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/lines"
	"github.com/soctalk/fleet/internal/redact"
)

const (
	hidden = "(hidden)"
	// sure is the length in bytes from which on a text stands nowhere by chance.
	sure = 12
	// longest is the most of a text that is shown, in bytes.
	longest = 400
	// longestValue is the most of a value within one.
	longestValue = 120
	// shortest is the length in bytes from which on a secret is looked for.
	shortest = 4
)

// hider takes secrets out of texts that others wrote. What is shown of them is
// cut off afterwards: of a secret that was cut, the rest is no longer found.
type hider struct {
	secrets []string // longest first
	// changed finds the certain ones where something stands between their letters.
	changed *redact.Finder
}

func newHider(secrets []string) hider {
	all := slices.Clone(secrets)
	// One that is a part of another would leave the other's rest.
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	certain := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return len(s) < sure })
	return hider{all, redact.NewFinder(certain)}
}

// and hides further ones too, and how programs quote them. A text of several
// lines is written line by line, so each is a secret of its own.
func (h hider) and(more ...string) hider {
	all := slices.Clone(h.secrets)
	for _, m := range more {
		m = strings.TrimSpace(m)
		for _, part := range append(redact.Lines(m), m) {
			if len(part) >= shortest {
				all = append(all, redact.Forms(part)...)
			}
		}
	}
	return newHider(all)
}

func (h hider) text(text string) string {
	for _, secret := range h.secrets {
		if len(secret) >= sure {
			text = redact.Replace(text, secret, hidden)
		} else {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	if text = redact.Codes(text, h.secrets, hidden); h.changed.Holds(redact.Read(text)) {
		return hidden // it cannot be taken out of what is around it
	}
	return text
}

// margin is how much a secret takes at most, coded too: "0x63, " is one byte of it.
func (h hider) margin() int {
	if len(h.secrets) == 0 {
		return 0
	}
	return 6 * len(h.secrets[0])
}

// reach is how much of a text is looked at to show the most of it, also where
// what is hidden makes it shorter.
func (h hider) reach(most int) int { return 8*most + 4*h.margin() }

// shown makes the beginning of a text fit to be shown. A text may be as long as
// an answer, so only what can matter is looked at, and what may be the beginning
// of a secret there is left out.
func (h hider) shown(text string, most int) string {
	reach := h.reach(most)
	if len(text) <= reach {
		return bounded(h.text(text), most)
	}
	text = h.text(text[:reach])
	return bounded(text[:max(0, len(text)-h.margin())]+"…", most)
}

// line makes a text fit to be shown: one line, bounded, without what moves a
// terminal's cursor.
func (h hider) line(text string) string { return h.shown(text, longest) }

// value quotes what was found.
func (h hider) value(text string) string {
	if strings.TrimSpace(text) == "" {
		return "nothing"
	}
	return `"` + h.shown(text, longestValue) + `"`
}

// held holds a value against the one that is wanted.
func (h hider) held(what, have, want string) finding {
	if have == want {
		return finding{ok: true, text: fmt.Sprintf("%s is %s", what, h.value(have))}
	}
	return finding{text: fmt.Sprintf("%s is %s, expected %s", what, h.value(have), h.value(want))}
}

// bounded is a text in one line, of which the most is kept.
func bounded(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '·'
		}
		return r
	}, text)
	return lines.Cut(strings.TrimSpace(text), most)
}

func asError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return errors.New(d.Summary + ": " + d.Detail)
		}
	}
	return nil
}
