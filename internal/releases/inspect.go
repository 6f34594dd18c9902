package releases

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
)

// inspected is how many releases are held against the live cluster at a time:
// so many have their objects in memory.
const inspected = 50

// Inspect asks the clusters what they would refuse of a draft's hops, and what
// differs from the stored manifests. Of several hops only the first can be
// tried against what is live. What fails for one release is a problem of it.
func (s *Set) Inspect(ctx context.Context, draft *plan.Draft, parallel int) (map[string][]plan.LiveFinding, map[string]plan.Problem) {
	findings, problems := map[string][]plan.LiveFinding{}, map[string]plan.Problem{}
	byCluster := map[string][]*plan.Move{}
	for _, m := range draft.Moves {
		if len(m.Hops) > 0 || m.Live.Deployed() {
			byCluster[m.Release.Cluster] = append(byCluster[m.Release.Cluster], m)
		}
	}
	silent := silencesOf(draft.Moves, parallel)
	for _, cluster := range slices.Sorted(maps.Keys(byCluster)) {
		for moves := range slices.Chunk(byCluster[cluster], inspected) {
			s.inspect(ctx, s.clusters[cluster].Helm, moves, silent, parallel, findings, problems)
		}
	}
	return findings, problems
}

func (s *Set) inspect(ctx context.Context, client *helm.Client, moves []*plan.Move, silent silences, parallel int, findings map[string][]plan.LiveFinding, problems map[string]plan.Problem) {
	var asked []*plan.Move
	var all []helm.LiveRelease
	for _, m := range moves {
		err := silent.broken(m)
		var r helm.LiveRelease
		if err == nil {
			r, err = s.liveRelease(ctx, m)
		}
		if err != nil {
			problems[m.Release.Address] = renderProblem(m.Release, err)
			continue
		}
		asked, all = append(asked, m), append(all, r)
	}
	results, err := client.Inspect(ctx, all, parallel)
	for i, m := range asked {
		why := err
		if why == nil {
			why = results[i].Err
			for _, f := range results[i].Findings {
				findings[m.Release.Address] = append(findings[m.Release.Address], plan.LiveFinding(f))
			}
		}
		silent.note(m, true, why)
		if why != nil {
			problems[m.Release.Address] = plan.Problem{Summary: "Release cannot be held against the live cluster", Detail: sentence(fmt.Errorf("%s: %w", m.Release.Address, why))}
		}
	}
}

func (s *Set) liveRelease(ctx context.Context, m *plan.Move) (helm.LiveRelease, error) {
	r := helm.LiveRelease{Namespace: m.Release.Namespace, Name: m.Release.Name}
	body := s.live.Bodies[plan.KeyOf(m.Release)]
	if m.Live.Deployed() {
		stored, err := body.Objects()
		if err != nil {
			return r, &storedError{m.Release.Address, err}
		}
		r.Stored, r.Hide = stored, append(r.Hide, body.Config)
	}
	if len(m.Hops) == 0 {
		return r, nil
	}
	h := m.Hops[0]
	target, err := s.target(m.At(h), h.Held, body)
	if err != nil {
		return r, err
	}
	rendered, err := s.helm(m.Release).Render(ctx, target)
	if err != nil {
		return r, err
	}
	if m.System != nil {
		// The Job is deleted before it is made anew.
		if r.Remade, err = helm.ParseManifest(rendered.Files[m.System.Migration.Template]); err != nil {
			return r, err
		}
	}
	r.Want, r.CRDs = rendered.Objects, rendered.CRDs
	lookedUp := map[string]any{}
	for i, text := range rendered.LookedUp {
		lookedUp[strconv.Itoa(i)] = text
	}
	r.Hide, r.Show = append(r.Hide, target.Values, lookedUp), []string{target.Chart.Name, target.Chart.Version}
	return r, nil
}
