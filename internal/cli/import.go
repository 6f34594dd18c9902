package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/adopt"
	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

// soctalkCharts is where SocTalk publishes its charts. A release does not say
// where its chart came from.
const soctalkCharts = "oci://ghcr.io/soctalk/charts"

// importFlags say what to import, and from where its charts come.
type importFlags struct {
	out, charts, kubeconfig string
	contexts, namespaces    []string
	plainHTTP, keepDefaults bool
}

func (a *app) importCommand() *cobra.Command {
	flags := &importFlags{}
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Write the configuration of a live fleet",
		Long: `Reads the releases of a fleet that was installed by other means and writes the
files that describe it: common things once, tenants that differ only in data as
one block over a YAML file, values without what the charts say by themselves,
and variables in the place of secrets. Given the secrets, soctalk plan then finds
nothing to do.

Nothing of the cluster is changed, no file is overwritten, and no secret is
written. What is a secret is decided by the release's own Secrets, by names, and
by looks; look the files through before you commit them.`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&flags.out, "out", ".", "`folder` for the files; it must not hold a configuration yet")
	cmd.Flags().StringVar(&flags.charts, "charts", soctalkCharts, "where the charts come from: `oci://HOST/PATH`, or the https:// URL of a repository")
	cmd.Flags().BoolVar(&flags.plainHTTP, "plain-http", false, "the registry of the charts speaks plain HTTP")
	cmd.Flags().StringVar(&flags.kubeconfig, "kubeconfig", "", "the kubeconfig `file`, instead of the ambient one")
	cmd.Flags().StringArrayVar(&flags.contexts, "context", nil, "a `context` of the kubeconfig, which becomes a cluster of the fleet; may be repeated, the system's first")
	cmd.Flags().StringArrayVar(&flags.namespaces, "namespace", nil, "look only at namespaces that match this `pattern`, such as 'tenant-*'; may be repeated")
	cmd.Flags().BoolVar(&flags.keepDefaults, "keep-defaults", false, "keep values that say what the chart's defaults say too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := flags.check(); err != nil {
			return err
		}
		return a.importFleet(cmd.Context(), flags)
	}
	return cmd
}

func (f *importFlags) check() error {
	scheme, rest, ok := strings.Cut(f.charts, "://")
	if !ok || rest == "" || !slices.Contains([]string{"oci", "https", "http"}, scheme) {
		return fmt.Errorf("-charts=%s: write oci://HOST/PATH, or the https:// URL of a repository", f.charts)
	}
	f.charts = strings.TrimSuffix(f.charts, "/")
	for _, pattern := range f.namespaces {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return fmt.Errorf("-namespace=%s: it is no pattern", pattern)
		}
	}
	return nil
}

func (a *app) importFleet(ctx context.Context, flags *importFlags) error {
	dir := a.path(flags.out)
	if err := empty(dir); err != nil {
		return err
	}
	found, err := a.survey(ctx, flags)
	if err != nil {
		return err
	}
	result, err := adopt.Fleet(found.releases, adopt.Options{
		Clusters: found.written, Charts: flags.charts, PlainHTTP: flags.plainHTTP, KeepDefaults: flags.keepDefaults, Database: found.database,
	})
	if err != nil {
		return found.withoutFleet(flags, err)
	}
	charts, err := a.place(ctx, dir, flags, result)
	if err != nil {
		return err
	}
	remarks := found.remarks
	for _, text := range result.Remarks {
		remarks = append(remarks, remark{"For a person to decide", text})
	}
	a.tellImport(flags.out, result, append(remarks, charts...))
	return nil
}

// withoutFleet adds to the error of an import what was not looked at.
func (s *survey) withoutFleet(flags *importFlags, err error) error {
	hasSystem := slices.ContainsFunc(s.releases, func(r *adopt.Release) bool { return r.Chart == adopt.SystemChart })
	if hasSystem || len(flags.namespaces) == 0 {
		return err
	}
	return advise(err, fmt.Sprintf("Only namespaces that match %s were looked at. Give the system's too: -namespace may be repeated.", strings.Join(flags.namespaces, " or ")))
}

// place writes the files, once it is proved on a copy that they say what is
// live, and returns what is to be said of their charts.
func (a *app) place(ctx context.Context, dir string, flags *importFlags, result *adopt.Result) ([]remark, error) {
	trial, err := os.MkdirTemp("", "soctalk-import-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to try the files in: %w", err)
	}
	defer func() { _ = os.RemoveAll(trial) }()
	if err := write(trial, result); err != nil {
		return nil, err
	}
	f, diags := schema.Load(trial, schema.Options{Vars: result.Variables, Order: strings.Repeat("v", len(result.Variables)), ToolVersion: version, CheckSet: helm.CheckSet})
	if diags.HasErrors() {
		return nil, unproved(diags)
	}
	if err := result.Prove(f); err != nil {
		return nil, advise(fmt.Errorf("the files would not say what is live, so nothing is written: %w", err), "This is a fault of soctalk import. Leave the release out with -namespace, and write its block by hand.")
	}
	charts := a.lookForCharts(ctx, f, flags)
	return charts, settle(dir, result)
}

// unproved tells what is wrong with the files, without a line of them.
func unproved(diags hcl.Diagnostics) error {
	first := diags.Errs()[0]
	var d *hcl.Diagnostic
	if errors.As(first, &d) {
		return advise(fmt.Errorf("the files that were made are not sound, so nothing is written: %s", d.Summary), d.Detail)
	}
	return fmt.Errorf("the files that were made are not sound, so nothing is written: %w", first)
}

// lookForCharts fetches the charts that the files name, and says which are not
// where they are said to be.
func (a *app) lookForCharts(ctx context.Context, f *schema.Fleet, flags *importFlags) []remark {
	defer a.working("Looking for the charts")()
	resolver, err := newResolver(f)
	if err != nil {
		return []remark{{chartsMissing, fmt.Sprintf("The charts could not be looked for: %v.", err)}}
	}
	var order []string // of causes
	missing, seen := map[string][]string{}, map[string]bool{}
	for _, r := range f.Releases() {
		key := chartName(r.Chart) + " " + r.Version.Original()
		if seen[key] {
			continue
		}
		seen[key] = true
		if _, err := resolver.Fetch(ctx, r.Chart, r.Version.Original()); err != nil {
			why := importCause(err, flags)
			if missing[why] == nil {
				order = append(order, why)
			}
			missing[why] = append(missing[why], key)
		}
	}
	var remarks []remark
	for _, why := range order {
		text := "Plans need these charts, and they could not be fetched:"
		for _, key := range missing[why] {
			text += "\n  " + key
		}
		remarks = append(remarks, remark{chartsMissing, text + "\n" + why})
	}
	return remarks
}

// chartsMissing is what is said of charts that are not where they are said to be.
const chartsMissing = "Charts cannot be fetched"

// importCause says why a chart cannot be fetched, and what to do about it here,
// where no file is written yet that anybody could have changed.
func importCause(err error, flags *importFlags) string {
	var unreachable *chart.UnreachableError
	if errors.As(err, &unreachable) && unreachable.PlainHTTP() {
		return fmt.Sprintf("%s. Import again with -plain-http, into an empty folder; or %s in the files.",
			prose.Capital(fmt.Sprintf("registry %s cannot be reached: %s", unreachable.Host, unreachable.Why)), unreachable.Hint)
	}
	return fmt.Sprintf("%s. Import again and say where they are with -charts, or change chart in the files.", strings.TrimRight(summary(err), ".?"))
}

// tellImport says what was written, and what is left to do.
func (a *app) tellImport(out string, r *adopt.Result, remarks []remark) {
	s := a.style(a.out)
	releases := "1 system"
	if r.Tenants > 0 {
		releases += fmt.Sprintf(", %d tenants", r.Tenants)
	}
	fmt.Fprintf(a.out, "%s %s, %d releases in all. Written to %s:\n", s.Good("Imported"), releases, len(r.Addresses), out)
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		fmt.Fprintf(a.out, "  %s\n", name)
	}
	if n := len(r.Secrets); n > 0 {
		fmt.Fprintf(a.out, "\nSecrets to provide, %d in all, in %s or as SOCTALK_VAR_name:\n", n, adopt.SecretsFile)
		for _, secret := range r.Secrets[:min(n, mostSecrets)] {
			fmt.Fprintf(a.out, "  %s  %s\n", secret.Variable, s.Faint(secret.About))
		}
		if n > mostSecrets {
			fmt.Fprintf(a.out, "  and %d more\n", n-mostSecrets)
		}
	}
	var warnings []plan.Diagnostic
	for _, r := range remarks {
		warnings = append(warnings, plan.Diagnostic{Severity: plan.Warning, Summary: r.summary, Detail: r.detail})
	}
	a.diagnostics(warnings)
	enter := ""
	if dir := a.path(out); filepath.Clean(dir) != "." {
		enter = "cd " + shellWord(dir) + " && "
	}
	a.hint("Look the files through, provide the secrets, then:\n  %ssoctalk init && soctalk plan", enter)
}

// mostSecrets are listed; the rest stands in the file.
const mostSecrets = 20
