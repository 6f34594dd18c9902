package releases

import (
	"fmt"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
)

// silences are those of the clusters that moves are on. A cluster that stops
// answering in the middle of a plan would otherwise be waited for once for
// every release.
type silences map[string]*kube.Silence

func silencesOf(moves []*plan.Move, parallel int) silences {
	s := silences{}
	for _, m := range moves {
		if s[m.Release.Cluster] == nil {
			s[m.Release.Cluster] = kube.NewSilence(parallel)
		}
	}
	return s
}

// broken says why nothing more should be asked for a move, nil while it should.
func (s silences) broken(m *plan.Move) error {
	if err := s[m.Release.Cluster].Broken(); err != nil {
		return fmt.Errorf("%s: not looked at, since its cluster no longer answers: %w", m.Release.Address, err)
	}
	return nil
}

// note counts what asking for a move came to; asked says that the cluster had
// something to answer.
func (s silences) note(m *plan.Move, asked bool, err error) {
	switch {
	case unanswered(err):
		s[m.Release.Cluster].Note(err)
	case asked:
		s[m.Release.Cluster].Note(nil)
	}
}
