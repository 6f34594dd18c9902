package releases

import (
	"sync"

	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/redact"
)

// words are what charts themselves say, each made ready once.
type words struct{ charts sync.Map }

func (w *words) of(c *chart.Chart) *redact.ChartWords {
	made, _ := w.charts.LoadOrStore(c, redact.NewChartWords(c.Texts))
	return made.(*redact.ChartWords)
}
