package releases

import (
	"sync"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/redact"
)

// words are what charts themselves say, each made ready once.
type words struct{ charts sync.Map }

func (w *words) of(c *chart.Chart) *redact.ChartWords {
	made, _ := w.charts.LoadOrStore(c, redact.NewChartWords(c.Texts))
	return made.(*redact.ChartWords)
}

// wordsIn are what the charts of stored revisions say: of those Helm keeps all,
// and what is read of it are their values.
func wordsIn(bodies ...*helm.Release) []*redact.ChartWords {
	var all []*redact.ChartWords
	for _, body := range bodies {
		if body != nil {
			all = append(all, redact.NewChartWords(func() []string { return []string{string(body.ChartDefaults)} }))
		}
	}
	return all
}
