package helm

import (
	"helm.sh/helm/v3/pkg/chartutil"
)

// Foresee says what a render of the target would be refused for whatever the
// cluster is: a chart without its dependencies, or values that its schema does
// not take. Templates are not rendered. Its errors are those of Render.
func (c *Client) Foresee(t Target) error {
	values, err := EffectiveValues(t.Values, t.Set)
	if err != nil {
		return err
	}
	if err := complete(t.Chart); err != nil {
		return err
	}
	if !hasSchema(t.Chart.Helm()) {
		return nil
	}
	ch := t.Chart.Copy()
	if err := chartutil.ProcessDependenciesWithMerge(ch, values); err != nil {
		return &InvalidChartError{Chart: t.Chart.Name, Version: t.Chart.Version, Why: c.scrubber(t, values).text(err.Error())}
	}
	coalesced, err := chartutil.CoalesceValues(ch, values)
	if err != nil {
		return templateError(t, err, c.scrubber(t, values))
	}
	return c.checkSchema(t, ch, chartutil.Values{"Values": coalesced})
}
