package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/releases"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

func (a *app) initCommand() *cobra.Command {
	var vars variables
	var upgrade bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Resolve every chart, lock its digest and fill the cache",
		Long: `Fetches every chart that the configuration names, writes their digests to
` + chart.LockFile + ` and keeps them in the cache. Commit the lock file: a version
that is published again under another digest is refused from then on.`,
		Args: noArgs,
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&upgrade, "upgrade", false, "accept charts that were published again, and lock their new digests")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := a.load(&vars)
		if err != nil {
			return err
		}
		return a.init(cmd.Context(), f, upgrade)
	}
	return cmd
}

func (a *app) init(ctx context.Context, f *schema.Fleet, upgrade bool) error {
	path := filepath.Join(f.Root, chart.LockFile)
	lock, diags := chart.ReadLock(path)
	if diags.HasErrors() {
		return hclFault(diags)
	}
	trusted := lock
	if upgrade {
		trusted = nil
	}
	resolver, err := chart.NewResolver(chart.Options{Registries: f.Registries, Lock: trusted})
	if err != nil {
		return err
	}
	type source struct {
		chart   schema.Chart
		version string
	}
	seen := map[source]bool{}
	for _, r := range f.Releases() {
		s := source{r.Chart, r.Version.Original()}
		if seen[s] {
			continue
		}
		seen[s] = true
		done := a.working("Fetching " + chartName(s.chart) + " " + s.version)
		c, err := resolver.Fetch(ctx, s.chart, s.version)
		done()
		if err != nil {
			diags = append(diags, chartDiagnostic(r, err))
			continue
		}
		fmt.Fprintf(a.out, "  %s %s  %s\n", chartName(s.chart), s.version, a.style(a.out).Faint(lockState(lock, s.chart, s.version, c.Digest)))
		lock.Set(s.chart, s.version, c.Digest)
	}
	if diags.HasErrors() {
		return hclFault(diags)
	}
	if err := lock.Write(path); err != nil {
		return fmt.Errorf("write %s: %w", chart.LockFile, err)
	}
	fmt.Fprintf(a.out, "\n%s %s.\n", a.style(a.out).Good("Charts are resolved and locked:"), chart.LockFile)
	a.hint("Commit the lock file. Next: soctalk plan")
	return nil
}

func chartName(c schema.Chart) string {
	if c.Name != "" {
		return c.Ref + " " + c.Name
	}
	return c.Ref
}

func lockState(lock *chart.Lock, c schema.Chart, version, digest string) string {
	switch lock.Digest(c, version) {
	case digest:
		return "as locked"
	case "":
		return digest[:min(len(digest), len("sha256:")+12)]
	}
	return "published again, now " + digest[:min(len(digest), len("sha256:")+12)]
}

// chartDiagnostic points at the release that wants a chart.
func chartDiagnostic(r *schema.Release, err error) *hcl.Diagnostic {
	p := releases.ChartProblem(err)
	at := r.Source.At(p.Attr)
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: p.Summary, Detail: p.Detail, Subject: &at}
}
