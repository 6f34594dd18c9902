package releases

import (
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

var (
	errNoLiveValues = errors.New("no live release")
	errTakenOut     = errors.New("values are not in an observation")
)

// ChartProblem says in plain words why a chart cannot be had.
func ChartProblem(err error) plan.Problem {
	p := plan.Problem{Attr: "chart", Summary: "Chart cannot be used", Detail: sentence(err)}
	var missing *chart.NotFoundError
	var unreachable *chart.UnreachableError
	var unauthorized *chart.UnauthorizedError
	var digest *chart.DigestError
	switch {
	case errors.As(err, &missing):
		p.Summary = "Chart not found"
		if len(missing.Versions) > 0 {
			p.Attr = "version"
			p.Detail += fmt.Sprintf(" Available: %s.", strings.Join(missing.Versions[:min(8, len(missing.Versions))], ", "))
		} else {
			p.Detail += " Check the chart's reference and version."
		}
	case errors.As(err, &unreachable):
		p.Summary = "Chart registry unreachable"
	case errors.As(err, &unauthorized):
		p.Summary = "Chart registry refuses access"
	case errors.As(err, &digest):
		p.Summary, p.Attr = "Chart was published again", "version"
	}
	return p
}

func valuesProblem(r *schema.Release, err error) plan.Problem {
	if errors.Is(err, errNoLiveValues) {
		return plan.Problem{Attr: "values_from", Summary: "No live release to take values from", Detail: fmt.Sprintf(
			`%s: values_from = "release" takes the values of the live release %s in namespace %s, which is not installed. Remove values_from and give the values, or check release and namespace.`,
			r.Address, r.Name, r.Namespace)}
	}
	if errors.Is(err, errTakenOut) {
		return plan.Problem{Attr: "values_from", Summary: "Live values are not in the observation", Detail: fmt.Sprintf(
			`%s: values_from = "release" takes the values of the live release, which an observation does not hold, because they may be secret. Plan where the cluster can be reached.`, r.Address)}
	}
	return plan.Problem{Attr: "set", Summary: "Set path not understood", Detail: sentence(err)}
}

func renderProblem(r *schema.Release, err error) plan.Problem {
	p := plan.Problem{Attr: "chart", Summary: "Release does not render", Detail: sentence(err)}
	var invalid *helm.SchemaError
	var version *helm.KubeVersionError
	var dependency *helm.DependencyError
	var stored *storedError
	var large *helm.SizeError
	switch {
	case errors.As(err, &invalid):
		p.Attr, p.Summary = "values", "Values do not meet the chart's schema"
		if passed, err := semver.NewVersion(invalid.Version); err == nil && !passed.Equal(r.Version) {
			p.Detail = fmt.Sprintf("%s: on its way to %s it passes through %s, and chart %s %s refuses the values that the files give to %s:\n  - %s\n"+
				"Give values that both versions take. If there are none, set version = %q with values for it, apply that, and set %s then.",
				r.Address, r.Version, passed, invalid.Chart, invalid.Version, r.Version, strings.Join(invalid.Lines, "\n  - "), passed, r.Version)
			break
		}
		p.Detail = fmt.Sprintf("%s: chart %s %s refuses these values:\n  - %s\nChange values or set so that they fit this version of the chart.",
			r.Address, invalid.Chart, invalid.Version, strings.Join(invalid.Lines, "\n  - "))
	case errors.As(err, &version):
		p.Summary = "Kubernetes version not supported by the chart"
	case errors.As(err, &dependency):
		p.Summary = "Chart lacks its dependencies"
	case errors.As(err, &large):
		p.Summary = "Release is too large"
	case errors.As(err, &stored):
		p.Attr, p.Summary = "", releaseUnreadable
	case unanswered(err):
		p.Attr, p.Summary = "cluster", releaseUnreadable
	}
	return p
}

// releaseUnreadable is what the planner says too of a release whose live
// revision cannot be read.
const releaseUnreadable = "Release cannot be read"

// storedError says that the live revision holds a manifest that is none.
type storedError struct {
	address string
	cause   error
}

func (e *storedError) Error() string {
	return fmt.Sprintf("the stored manifest of %s is damaged: %v", e.address, e.cause)
}

func (e *storedError) Unwrap() error { return e.cause }

// unanswered says whether it is the API server that failed, and not the
// release.
func unanswered(err error) bool {
	var read *kube.ReadError
	var unreachable *kube.UnreachableError
	return errors.As(err, &read) || errors.As(err, &unreachable)
}

// sentence makes an error into a sentence of a diagnostic.
func sentence(err error) string {
	s := err.Error()
	if s == "" {
		return s
	}
	s = prose.Capital(s)
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}
