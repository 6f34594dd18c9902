package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// stalePins refuses a hop whose values hold an image at a version that another
// chart on the way was made for: the hop's chart would run the wrong code.
func stalePins(m *Move, h *Hop, rendered []Object) *Problem {
	own := h.Wanted.Chart.AppVersion
	for _, other := range otherAppVersions(m, h) {
		if other == "" || other == own {
			continue
		}
		stale := map[string]bool{}
		for _, o := range rendered {
			images(o, func(image string) {
				if i := strings.LastIndexByte(image, ':'); i >= 0 && image[i+1:] == other {
					stale[image] = true
				}
			})
		}
		pins := pathsOf(h.Wanted.Values, other, nil)
		if len(stale) == 0 || len(pins) == 0 {
			continue
		}
		p := &Problem{Attr: pinnedBy(m, pins), Summary: "Image pinned at the old version"}
		found := fmt.Sprintf("%s: chart %s is made for %s, but these values hold %s at %s: %s.",
			describe(m.Release), h.To, own, strings.Join(slices.Sorted(maps.Keys(stale)), ", "), other, strings.Join(pins, ", "))
		if h == m.Hops[len(m.Hops)-1] {
			p.Detail = found + fmt.Sprintf(" The upgrade would go on running the old code. Remove the pin, or set it to %s.", own)
		} else {
			p.Summary = "Image pinned past the next version"
			p.Detail = found + fmt.Sprintf(" The way to %s leads over %s, and only tags follow the chart on the way. Pin the tag alone, remove the pin, or set the version to %s first.", m.To, h.To, h.To)
		}
		return p
	}
	return nil
}

// otherAppVersions are what the live chart and the charts of the other hops
// were made for.
func otherAppVersions(m *Move, h *Hop) []string {
	if !m.moves() || h.From == nil {
		return nil
	}
	others := []string{m.Live.AppVersion}
	for _, x := range m.Hops {
		if x != h {
			others = append(others, x.Wanted.Chart.AppVersion)
		}
	}
	return others
}

// pinnedBy is the attribute that the pins come from.
func pinnedBy(m *Move, pins []string) string {
	for _, s := range m.Release.Set {
		if slices.Contains(pins, s.Path) {
			return "set"
		}
	}
	return "values"
}

// pathsOf returns where a tree of values holds a text, as Helm writes paths.
func pathsOf(v any, text string, path []string) []string {
	switch v := v.(type) {
	case map[string]any:
		var all []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, pathsOf(v[k], text, append(path, k))...)
		}
		return all
	case string:
		if v == text {
			return []string{strings.Join(path, ".")}
		}
	}
	return nil
}
