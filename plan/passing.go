package plan

import (
	"fmt"
	"strings"
)

// PassingValues are the values of a release while it passes through another
// version on its way. The files say what the target is given; an image tag that
// follows the target's version there follows the version passed through here.
// What is returned shares everything else with what was given.
func PassingValues(values map[string]any, target, via *Chart) map[string]any {
	follows := func(tag string) bool { return tag == target.AppVersion || tag == target.Version }
	out, _ := retag(values, via.AppVersion, follows).(map[string]any)
	return out
}

func retag(v any, tag string, follows func(string) bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if s, ok := x.(string); ok && strings.HasSuffix(strings.ToLower(k), "tag") && follows(s) {
				x = tag
			}
			out[k] = retag(x, tag, follows)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = retag(x, tag, follows)
		}
		return out
	}
	return v
}

// mostLeftOut bounds how many paths one note lists.
const mostLeftOut = 8

// leftOut says which values a version that is passed on the way is not given.
func leftOut(h *Hop) []string {
	paths := h.Wanted.LeftOut
	if len(paths) == 0 {
		return nil
	}
	list := strings.Join(paths[:min(len(paths), mostLeftOut)], ", ")
	if n := len(paths) - mostLeftOut; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	return []string{fmt.Sprintf("left out until the next version, because %s does not know it: %s", h.To, list)}
}
