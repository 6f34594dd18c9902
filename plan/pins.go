package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkPins refuses an upgrade whose values hold an image at the version that
// the live chart was made for: the new chart would run the old code.
func (d *Draft) checkPins(m *Move, rendered []Object) {
	if m.From == nil || m.From.Equal(m.To) || m.Live.AppVersion == "" || m.Live.AppVersion == m.Wanted.Chart.AppVersion {
		return
	}
	stale := map[string]bool{}
	for _, o := range rendered {
		images(o, func(image string) {
			if i := strings.LastIndexByte(image, ':'); i >= 0 && image[i+1:] == m.Live.AppVersion {
				stale[image] = true
			}
		})
	}
	pins := pathsOf(m.Wanted.Values, m.Live.AppVersion, nil)
	if len(stale) == 0 || len(pins) == 0 {
		return
	}
	d.fail(m.Release, pinnedBy(m, pins), "Image pinned at the old version", fmt.Sprintf(
		"%s: chart %s is made for %s, but these values hold %s at %s: %s. The upgrade would go on running the old code. Remove the pin, or set it to %s.",
		describe(m.Release), m.To, m.Wanted.Chart.AppVersion, strings.Join(slices.Sorted(maps.Keys(stale)), ", "), m.Live.AppVersion, strings.Join(pins, ", "), m.Wanted.Chart.AppVersion))
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

// images calls found for every container image of an object.
func images(v any, found func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && k == "image" {
				found(s)
			} else {
				images(x, found)
			}
		}
	case []any:
		for _, x := range v {
			images(x, found)
		}
	}
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
