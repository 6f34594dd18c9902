package view

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/soctalk/fleet/plan"
)

// maskedText says why a field's values are not shown; empty when they are.
func maskedText(f plan.FieldDiff) string {
	switch f.Masked {
	case "":
		return ""
	case "value":
		return "(from values, not shown)"
	}
	return "(" + clean(f.Masked) + ", not shown)"
}

// textDiff returns the changed lines of a text of several lines, at most so
// many; nil when the field is no such text.
func textDiff(f plan.FieldDiff, most int) []string {
	var before, after string
	if json.Unmarshal([]byte(f.Before), &before) != nil || json.Unmarshal([]byte(f.After), &after) != nil || !strings.Contains(before+after, "\n") {
		return nil
	}
	_, hunks, _ := strings.Cut(udiff.Unified("", "", before, after), "\n@@")
	var lines []string
	for l := range strings.SplitSeq(hunks, "\n") {
		if strings.HasPrefix(l, "+") || strings.HasPrefix(l, "-") {
			lines = append(lines, l[:1]+" "+clean(l[1:]))
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("… and %s more", plural(len(lines)-most, "line")))
	}
	return lines
}

// beforeAfter shortens two values to a width without hiding where they differ.
func beforeAfter(f plan.FieldDiff, width int) (before, after string) {
	const context = 8
	b, a := []rune(clean(f.Before)), []rune(clean(f.After))
	if len(b) <= width && len(a) <= width || len(b) == 0 || len(a) == 0 {
		return clip(string(b), width), clip(string(a), width)
	}
	same := 0
	for same < min(len(b), len(a)) && b[same] == a[same] {
		same++
	}
	if cut := min(same-context, max(len(b), len(a))-width+1); cut > 0 {
		return clip("…"+string(b[cut:]), width), clip("…"+string(a[cut:]), width)
	}
	return clip(string(b), width), clip(string(a), width)
}

func clip(s string, width int) string {
	if len(s) <= width {
		return s
	}
	if r := []rune(s); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return s
}
