package helm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/redact"
)

const (
	hidden = "(hidden)"
	// hiddenMessage stands for a message from which a value cannot be taken out.
	hiddenMessage = "(hidden, because it quotes values)"
	// sure is the length in bytes from which on a text stands nowhere by chance.
	sure = 12
)

// quoted is a double-quoted string with escapes.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// scrubber takes the values of a release out of messages that are made
// elsewhere: Helm's, the API server's, a pod's last words.
type scrubber struct {
	// secrets are what is hidden. Their forms are replaced: the long ones wherever
	// they occur, the short ones only as words of their own.
	secrets, long, short []string
	// certain are the secrets that stand nowhere by chance.
	certain []string
	// public are names that messages need.
	public []string
}

// newScrubber hides every string among the values, except those that are part
// of public, which are names that a message needs.
func newScrubber(values map[string]any, public ...string) *scrubber {
	seen := map[string]bool{}
	s := &scrubber{public: public}
	named := func(v string) bool {
		return slices.ContainsFunc(public, func(p string) bool { return strings.Contains(p, v) })
	}
	add := func(v string) {
		if len(v) < 4 || seen[v] || common[strings.ToLower(v)] {
			return
		}
		if named(v) {
			return
		}
		seen[v] = true
		s.secrets = append(s.secrets, v)
		if len(v) >= sure && !named(strings.ToLower(v)) {
			s.long = append(s.long, redact.Forms(v)...)
			s.certain = append(s.certain, v)
			return
		}
		// In capitals or small letters throughout, but not as names of kinds have it:
		// a Secret is no value "secret".
		for _, form := range []string{v, strings.ToUpper(v), strings.ToLower(v)} {
			if form == v || !named(form) {
				s.short = append(s.short, redact.Forms(form)...)
			}
		}
	}
	walkStrings(values, func(v string) {
		add(v)
		add(strings.TrimSpace(v))
		for line := range strings.Lines(v) {
			add(strings.TrimSpace(line))
		}
	})
	s.sort()
	return s
}

// common are values that say nothing, and that messages are full of.
var common = map[string]bool{
	"true": true, "false": true, "null": true, "none": true, "always": true, "never": true, "ifnotpresent": true,
	"default": true, "info": true, "debug": true, "warn": true, "error": true, "http": true, "https": true,
}

func walkStrings(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case map[string]any:
		for _, e := range v {
			walkStrings(e, f)
		}
	case []any:
		for _, e := range v {
			walkStrings(e, f)
		}
	}
}

func (s *scrubber) text(msg string) string {
	for _, v := range s.long {
		msg = redact.Replace(msg, v, hidden)
	}
	for _, v := range s.short {
		msg = replaceWord(msg, v)
	}
	msg = redact.Codes(msg, s.secrets, hidden)
	if s.finder().Holds(redact.Read(msg)) {
		return hiddenMessage
	}
	return msg
}

// finder finds what is certain however it was changed.
func (s *scrubber) finder() *redact.Finder {
	return redact.NewFinder(s.certain).But(redact.NewWords(s.public))
}

// replaceWord hides a word unless it is part of a longer one, such as an
// object's name.
func replaceWord(msg, word string) string {
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(msg[at:], word)
		if i < 0 {
			b.WriteString(msg[at:])
			return b.String()
		}
		start, end := at+i, at+i+len(word)
		b.WriteString(msg[at:start])
		if start > 0 && isWord(msg[start-1]) || end < len(msg) && isWord(msg[end]) {
			b.WriteString(word)
		} else {
			b.WriteString(hidden)
		}
		at = end
	}
}

// isWord tells what names of objects are made of.
func isWord(c byte) bool {
	return c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
