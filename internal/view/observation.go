package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/soctalk/fleet/plan"
)

// Observation is what was read from live at one moment, as `soctalk observe`
// writes it to a file.
type Observation struct {
	Taken time.Time
	// SchemaRevision is the database's; empty when it is not known.
	SchemaRevision string
	Releases       []ObservedRelease
	// Diagnostics say what could not be read. They are counted here, and are to
	// be written with [DiagnosticsText].
	Diagnostics []plan.Diagnostic
}

// ObservedRelease is one live release.
type ObservedRelease struct {
	// Address is empty when the files do not name the release.
	Address   string
	Cluster   string
	Namespace string
	Release   string
	Chart     string
	Version   string
	// Status is Helm's: deployed, failed, pending-upgrade, …
	Status   string
	Revision int
	Updated  time.Time
	// Owner is another tool that also manages the release.
	Owner string
}

// ObservationHuman writes an observation for a person: what it comes to, what
// is wrong, and a row for each release.
func ObservationHuman(w io.Writer, o *Observation, s Style) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", s.Bold(observationTitle(o)))
	for _, line := range observationFacts(o) {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(observationColumns, "\t"))
	for _, r := range ordered(o.Releases) {
		cells := r.cells()
		for i := range cells {
			cells[i] = oneLine(cells[i])
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var observationColumns = []string{"RELEASE", "CLUSTER", "CHART", "VERSION", "STATUS", "REVISION", "UPDATED", "OWNER"}

func (r *ObservedRelease) cells() []string {
	name := r.Address
	if name == "" {
		name = r.Namespace + "/" + r.Release + " (unmanaged)"
	}
	updated := ""
	if !r.Updated.IsZero() {
		updated = r.Updated.UTC().Format("2006-01-02 15:04")
	}
	return []string{name, dash(r.Cluster), dash(r.Chart), dash(r.Version), dash(r.Status), fmt.Sprint(r.Revision), dash(updated), dash(r.Owner)}
}

// ordered puts the system first, and what the files do not name last.
func ordered(releases []ObservedRelease) []ObservedRelease {
	rank := func(r ObservedRelease) int {
		switch r.Address {
		case "system":
			return 0
		case "":
			return 2
		}
		return 1
	}
	sorted := slices.Clone(releases)
	slices.SortStableFunc(sorted, func(a, b ObservedRelease) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Release, b.Release))
	})
	return sorted
}

func observationTitle(o *Observation) string {
	clusters := map[string]bool{}
	for _, r := range o.Releases {
		clusters[r.Cluster] = true
	}
	return fmt.Sprintf("%s in %s, as of %s.", plural(len(o.Releases), "release"), plural(len(clusters), "cluster"), o.Taken.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// observationFacts tell of charts, versions and states, and what stands out.
func observationFacts(o *Observation) []string {
	versions, charts := map[string]map[string]int{}, []string{}
	states := map[string]int{}
	unmanaged, owned := 0, 0
	for _, r := range o.Releases {
		if versions[r.Chart] == nil {
			versions[r.Chart] = map[string]int{}
			charts = append(charts, r.Chart)
		}
		versions[r.Chart][r.Version]++
		if r.Status != "deployed" {
			states[r.Status]++
		}
		if r.Address == "" {
			unmanaged++
		}
		if r.Owner != "" {
			owned++
		}
	}
	slices.Sort(charts)
	var lines []string
	for i, c := range charts {
		if i == mostNames {
			lines = append(lines, "and "+plural(len(charts)-i, "more chart"))
			break
		}
		lines = append(lines, oneLine(dash(c)+": "+counted(versions[c])))
	}
	if o.SchemaRevision != "" {
		lines = append(lines, "database schema: "+oneLine(o.SchemaRevision))
	}
	if len(states) > 0 {
		lines = append(lines, "not deployed: "+oneLine(counted(states)))
	}
	if unmanaged > 0 {
		lines = append(lines, "not in the files: "+plural(unmanaged, "release"))
	}
	if owned > 0 {
		lines = append(lines, "also managed by another tool: "+plural(owned, "release"))
	}
	if n := len(o.Diagnostics); n > 0 {
		lines = append(lines, "not all could be read: "+plural(n, "diagnostic"))
	}
	return lines
}

// counted lists what there is how often, what is frequent first.
func counted(n map[string]int) string {
	keys := make([]string, 0, len(n))
	for k := range n {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b)) })
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%d × %s", n[k], dash(k))
	}
	return shortList(keys)
}
