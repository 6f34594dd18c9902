package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/compat"
)

// adviseWay follows refused versions with the way there that is legal: one plan
// moves each release by one version, so a longer path takes several.
func (d *Draft) adviseWay() {
	system := d.Moves[0]
	problem := compat.Problem{
		Compatibility: d.fleet.Compatibility, Facts: d.fleet.Facts,
		System: compat.Release{Address: system.Release.Address, Live: system.From, Target: system.To, Source: system.Release.Source},
	}
	for _, m := range d.Moves[1:] {
		if m.Companion == nil {
			problem.Tenants = append(problem.Tenants, compat.Release{Address: m.Release.Address, Live: m.From, Target: m.To, Source: m.Release.Source})
		}
	}
	path, err := compat.Solve(problem)
	var none *compat.NoPathError
	switch {
	case err == nil:
		if stages := stagesOf(path); len(stages) > 1 {
			d.advise("There is a legal way. Plan and apply these versions one after the other:", stages)
		}
	case errors.As(err, &none):
		var why []string
		for _, c := range none.Constraints {
			why = append(why, c.Text+at(rangeOf(c.Source.Block)))
		}
		d.advise("There is no legal way to these versions:", append(why, none.Suggestions...))
	}
}

// advise adds lines to the first refusal, so that they are read once.
func (d *Draft) advise(head string, lines []string) {
	for i := range d.diagnostics {
		if x := &d.diagnostics[i]; refusal(*x) {
			x.Detail += "\n\n" + head + "\n  - " + strings.Join(lines, "\n  - ")
			return
		}
	}
}

func at(r *Range) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf(" (%s line %d)", r.Filename, r.Start.Line)
}

// stagesOf cuts a path into plans: in each, the system makes at most one hop,
// and then each tenant at most one.
func stagesOf(path *compat.Path) []string {
	now := make([]*semver.Version, len(path.Classes))
	for i, c := range path.Classes {
		now[i] = c.Live
	}
	var stages []string
	for _, phase := range path.Phases {
		hops := make([][]*semver.Version, len(path.Classes))
		rounds := 0
		for _, h := range phase.Hops {
			hops[h.Class] = append(hops[h.Class], h.To)
			rounds = max(rounds, len(hops[h.Class]))
		}
		if phase.System != nil {
			rounds = max(rounds, 1)
		}
		for round := range rounds {
			for class, to := range hops {
				if round < len(to) {
					now[class] = to[round]
				}
			}
			stages = append(stages, stage(phase.Version, now))
		}
	}
	return stages
}

func stage(system *semver.Version, tenants []*semver.Version) string {
	var distinct []string
	seen := map[string]bool{}
	for _, v := range tenants {
		if v != nil && !seen[v.String()] {
			seen[v.String()] = true
			distinct = append(distinct, v.String())
		}
	}
	text := "system " + versionText(system)
	if len(distinct) > 0 {
		text += ", tenants " + strings.Join(distinct, " and ")
	}
	return text
}
