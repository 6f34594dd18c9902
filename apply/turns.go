package apply

import (
	"maps"
	"slices"

	"github.com/soctalk/fleet/plan"
)

// turns hands out the places in which tenants may move. A tenant holds its
// place from its first step to its last.
type turns struct {
	limit   int
	perWave map[string]int
	inWave  map[string]int
	holders map[string]bool
}

func newTurns(r plan.Rollout, limit int) turns {
	if limit <= 0 || limit > r.MaxParallel {
		limit = r.MaxParallel
	}
	return turns{limit: limit, perWave: r.WaveParallel, inWave: map[string]int{}, holders: map[string]bool{}}
}

func (t *turns) holds(tenant string) bool { return t.holders[tenant] }

// free says whether a tenant that holds no place may take one for this step.
func (t *turns) free(s plan.Step) bool {
	most := t.perWave[s.Wave]
	return len(t.holders) < t.limit && (most <= 0 || t.inWave[s.Wave] < most)
}

func (t *turns) take(s plan.Step) {
	t.holders[s.Tenant] = true
	t.inWave[s.Wave]++
}

func (t *turns) release(s plan.Step) {
	if t.holders[s.Tenant] {
		delete(t.holders, s.Tenant)
		t.inWave[s.Wave]--
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
