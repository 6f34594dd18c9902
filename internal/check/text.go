package check

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/redact"
)

const (
	hidden = "(hidden)"
	// longest is the most of a text that is shown, in bytes.
	longest = 400
	// longestValue is the most of a value within one.
	longestValue = 120
)

// hider returns what takes secrets out of texts that others wrote: everything
// that the files call sensitive, and further ones.
func (s *Set) hider(more ...string) func(string) string {
	secrets := s.fleet.Sensitive
	for _, m := range more {
		if len(m) >= 4 {
			secrets = append(secrets[:len(secrets):len(secrets)], redact.Forms(m)...)
		}
	}
	return func(text string) string {
		for _, secret := range secrets {
			text = strings.ReplaceAll(text, secret, hidden)
		}
		return redact.Codes(text, secrets, hidden)
	}
}

// oneLine makes a text fit to be shown: one line, bounded, without what moves a
// terminal's cursor.
func oneLine(text string) string { return bounded(text, longest) }

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
	text = strings.TrimSpace(text)
	if len(text) <= most {
		return text
	}
	cut := most
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// value quotes what was found.
func value(text string) string {
	if strings.TrimSpace(text) == "" {
		return "nothing"
	}
	return `"` + bounded(text, longestValue) + `"`
}

// held holds a value against the one that is wanted.
func held(what, have, want string) finding {
	if have == want {
		return finding{ok: true, text: fmt.Sprintf("%s is %s", what, value(have))}
	}
	return finding{text: fmt.Sprintf("%s is %s, expected %s", what, value(have), value(want))}
}

func asError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			return errors.New(d.Summary + ": " + d.Detail)
		}
	}
	return nil
}
