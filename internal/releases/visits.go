package releases

import (
	"sync/atomic"

	"github.com/soctalk/fleet/plan"
)

// visits counts, by namespace, the moves that are still to be compared.
type visits map[plan.Namespace]*atomic.Int32

func visitsOf(moves []*plan.Move) visits {
	v := visits{}
	for _, m := range moves {
		ns := placeOf(m)
		if v[ns] == nil {
			v[ns] = &atomic.Int32{}
		}
		v[ns].Add(1)
	}
	return v
}

// last says that nothing is left to compare in the namespace of a move that was
// compared.
func (v visits) last(m *plan.Move) bool { return v[placeOf(m)].Add(-1) == 0 }

func placeOf(m *plan.Move) plan.Namespace {
	return plan.Namespace{Cluster: m.Release.Cluster, Name: m.Release.Namespace}
}
