package plan

import (
	"slices"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// passage is what the facts and a chart say about the versions that a hop
// passes: those after the one it leaves, up to the one it reaches.
type passage struct {
	// Breaking are the breaking changes, oldest version first, each once.
	Breaking []string
	// URL is where the version reached is described; Notes say so of those
	// passed on the way, as "0.2.0: …".
	URL   string
	Notes []string
}

// passageOf gathers the facts about a component's versions in a hop. from is
// nil for an install, which breaks nothing; component is empty for a companion,
// of which no facts are known. charts are the lines of the target chart's
// soctalk.io/breaking annotation.
func passageOf(facts []*schema.Facts, component schema.Component, from, to *semver.Version, chart []string) passage {
	var p passage
	if from == nil {
		if f := factsOf(facts, component, to); f != nil {
			p.URL = f.Notes
		}
		return p
	}
	if from.Equal(to) {
		return p
	}
	var passed []*schema.Facts
	for _, f := range facts {
		if f.Component == component && f.Version.GreaterThan(from) && !f.Version.GreaterThan(to) {
			passed = append(passed, f)
		}
	}
	slices.SortStableFunc(passed, func(a, b *schema.Facts) int { return a.Version.Compare(b.Version) })
	for _, f := range passed {
		p.Breaking = append(p.Breaking, f.Breaking...)
	}
	p.Breaking = unique(append(p.Breaking, chart...))
	for i := len(passed) - 1; i >= 0; i-- {
		f := passed[i]
		switch {
		case f.Notes == "":
		case p.URL == "" && f.Version.Equal(to):
			p.URL = f.Notes
		default:
			p.Notes = append([]string{f.Version.Original() + ": " + f.Notes}, p.Notes...)
		}
	}
	return p
}

func factsOf(facts []*schema.Facts, component schema.Component, v *semver.Version) *schema.Facts {
	for _, f := range facts {
		if f.Component == component && f.Version.Equal(v) {
			return f
		}
	}
	return nil
}

// unique keeps the first of equal lines.
func unique(lines []string) []string {
	var out []string
	for _, l := range lines {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
