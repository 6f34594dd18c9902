package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
)

// Status is the document of the status command.
type Status struct {
	FormatVersion string `json:"format_version"`
	// Observed is when it was read.
	Observed time.Time       `json:"observed"`
	Releases []ReleaseStatus `json:"releases"`
	// Unmanaged are live tenant releases that the files do not name.
	Unmanaged []string `json:"unmanaged"`
	// LastRun is the newest run of the fleet; absent when there was none, or
	// Journal says why it cannot be read.
	LastRun *RunStatus `json:"last_run,omitempty"`
	Journal string     `json:"journal_problem,omitempty"`
}

// ReleaseStatus is one release: what the files want and what is live.
type ReleaseStatus struct {
	Address   string `json:"address"`
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Release   string `json:"release"`
	Wanted    string `json:"wanted"`
	// Live is the version; empty when the release is not installed.
	Live     string `json:"live"`
	Revision int    `json:"revision,omitempty"`
	// Status is Helm's word for the revision.
	Status string `json:"status,omitempty"`
	// Compatibility rates a tenant beside the live system.
	Compatibility string `json:"compatibility,omitempty"`
	// Skew is there where a tenant runs another version than the system.
	Skew *SkewStatus `json:"skew,omitempty"`
	// Health is "ready", or the first thing that is not; Waiting are all of them.
	Health    string           `json:"health"`
	Workloads *WorkloadsStatus `json:"workloads,omitempty"`
	Waiting   []string         `json:"waiting,omitempty"`
	// Drift is true when what is live is not what was asked for; Differs says in
	// what: "version", "values", "objects". Objects are looked at only when asked.
	Drift   bool         `json:"drift"`
	Differs []string     `json:"differs,omitempty"`
	Drifted []ObjectSeen `json:"drifted,omitempty"`
	// LastRun is the run that made the live revision, if one did.
	LastRun string    `json:"last_run,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
	// OK is true when nothing of this asks for anybody's attention.
	OK bool `json:"ok"`
}

// SkewStatus says how long a tenant has been beside a system of another
// version, at the most recent change of either.
type SkewStatus struct {
	System string    `json:"system"`
	Since  time.Time `json:"since"`
}

// WorkloadsStatus counts Deployments, StatefulSets and DaemonSets.
type WorkloadsStatus struct {
	Ready int `json:"ready"`
	Total int `json:"total"`
}

// ObjectSeen is an object that is not as the revision made it. It holds paths,
// never values.
type ObjectSeen struct {
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name"`
	Missing   bool     `json:"missing,omitempty"`
	Paths     []string `json:"paths,omitempty"`
	By        string   `json:"by,omitempty"`
}

// RunStatus is a run in short.
type RunStatus struct {
	Run     string     `json:"run"`
	State   string     `json:"state"`
	By      string     `json:"by"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	Stopped string     `json:"stopped,omitempty"`
}

// OK says whether nothing asks for anybody's attention.
func (s *Status) OK() bool {
	return !slices.ContainsFunc(s.Releases, func(r ReleaseStatus) bool { return !r.OK })
}

// StatusHuman writes a table, and below it what is true of the fleet.
func StatusHuman(w io.Writer, s *Status, style Style) error {
	rows := [][]string{{"ADDRESS", "WANTED", "LIVE", "COMPATIBILITY", "HEALTH", "DRIFT", "LAST RUN"}}
	for _, r := range s.Releases {
		rows = append(rows, []string{
			clean(r.Address), clean(r.Wanted), dash(r.Live), style.rated(r.Compatibility), style.health(&r),
			style.Warn(dash(strings.Join(r.Differs, ", "))), dash(r.LastRun),
		})
	}
	lines := append([]string{aligned(rows)}, s.drifted(style)...)
	lines = append(lines, s.summary()...)
	_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
	return err
}

func (s Style) rated(compatibility string) string {
	switch compatibility {
	case "deprecated":
		return s.Warn(compatibility)
	case "blocked":
		return s.Bad(compatibility)
	}
	return dash(compatibility)
}

func (s Style) health(r *ReleaseStatus) string {
	text := clip(oneLine(r.Health), widestValue)
	if r.Health == "ready" {
		return s.Good(text)
	}
	if more := len(r.Waiting) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return s.Bad(text)
}

// aligned lines up rows, of which the last column is as wide as it wants.
func aligned(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], lipgloss.Width(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if b.WriteString(cell); i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-lipgloss.Width(cell)+2))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (s *Status) summary() []string {
	var lines []string
	well := 0
	for _, r := range s.Releases {
		if r.OK {
			well++
		}
	}
	lines = append(lines, fmt.Sprintf("%s, %d of them as they should be.", plural(len(s.Releases), "release"), well))
	if text := s.skew(); text != "" {
		lines = append(lines, text)
	}
	switch {
	case s.Journal != "":
		lines = append(lines, "The journal cannot be read: "+oneLine(s.Journal))
	case s.LastRun != nil:
		r := s.LastRun
		text := fmt.Sprintf("Last run %s: %s, started %s by %s", clean(r.Run), clean(r.State), stampOf(r.Started), clean(r.By))
		if r.Stopped != "" {
			text += ": " + clip(strings.TrimSuffix(strings.Join(strings.Fields(said(r.Stopped)), " "), "."), widestNote)
		}
		lines = append(lines, text+".")
	}
	if len(s.Unmanaged) > 0 {
		lines = append(lines, "Live, but not in these files: "+cleanList(s.Unmanaged))
	}
	return lines
}

// mostDrifted is how many objects are named that are not as they were made.
const mostDrifted = 20

// drifted names the objects that are not as the last revision of their release
// made them, a line each.
func (s *Status) drifted(style Style) []string {
	var lines []string
	left := 0
	for i := range s.Releases {
		r := &s.Releases[i]
		for _, o := range r.Drifted {
			if len(lines) == mostDrifted {
				left++
				continue
			}
			lines = append(lines, "  "+style.Bold(clean(r.Address))+": "+o.text(r.Namespace))
		}
	}
	if lines == nil {
		return nil
	}
	if left > 0 {
		lines = append(lines, "  and "+plural(left, "more object"))
	}
	return append(append([]string{"Not as the last revision made it:"}, lines...), "")
}

// text says in what an object of a release in that namespace differs.
func (o *ObjectSeen) text(namespace string) string {
	text := clean(o.Kind) + " "
	if o.Namespace != "" && o.Namespace != namespace {
		text += clean(o.Namespace) + "/"
	}
	if text += clean(o.Name); o.Missing {
		return text + " is not there"
	}
	if len(o.Paths) > 0 {
		text += " differs in " + clip(cleanList(o.Paths), widestNote)
	}
	if o.By != "" {
		text += ", last written by " + clean(o.By)
	}
	return text
}

// skew counts the tenants that are not at the system's version.
func (s *Status) skew() string {
	at, system, longest := map[string]int{}, "", time.Duration(0)
	for _, r := range s.Releases {
		if r.Skew != nil {
			at[r.Live]++
			system, longest = r.Skew.System, max(longest, s.Observed.Sub(r.Skew.Since))
		}
	}
	if len(at) == 0 {
		return ""
	}
	var parts []string
	total := 0
	for _, v := range slices.Sorted(maps.Keys(at)) {
		parts = append(parts, fmt.Sprintf("%s: %d", clean(v), at[v]))
		total += at[v]
	}
	return fmt.Sprintf("Skew: %s beside system %s at another version (%s), for %s at least.", plural(total, "tenant"), clean(system), strings.Join(parts, ", "), days(longest))
}

// days writes a long time as people do.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return round(d.Round(time.Minute).String())
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return clean(s)
}
