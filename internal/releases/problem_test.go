package releases

import (
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/schema"
)

func TestChartProblemIsMadeOfSentences(t *testing.T) {
	t.Parallel()
	p := ChartProblem(&chart.NotFoundError{Ref: "oci://x/app", Version: "0.2.7", Nearest: "0.2.1", Versions: []string{"0.3.0", "0.2.1"}})
	if want := "Chart oci://x/app has no version 0.2.7; did you mean 0.2.1? Available: 0.3.0, 0.2.1."; p.Detail != want {
		t.Errorf("%q, want %q", p.Detail, want)
	}
}

func TestValuesRefused(t *testing.T) {
	t.Parallel()
	r := &schema.Release{Address: "tenant.acme", Version: semver.MustParse("0.3.0")}
	for version, want := range map[string][]string{
		"0.3.0": {"tenant.acme: chart app 0.3.0 refuses these values", "llm.model: missing", "fit this version of the chart"},
		"0.2.0": {"on its way to 0.3.0 it passes through 0.2.0", "chart app 0.2.0 refuses the values that the files give to 0.3.0", "llm.model: missing", `set version = "0.2.0" with values for it`},
	} {
		p := renderProblem(r, &helm.SchemaError{Chart: "app", Version: version, Lines: []string{"llm.model: missing"}})
		for _, w := range want {
			if !strings.Contains(p.Detail, w) || p.Attr != "values" {
				t.Errorf("at %s the problem is %+v, want one with %q", version, p, w)
			}
		}
	}
}
