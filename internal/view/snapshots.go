package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/soctalk/fleet/plan"
)

// Snapshots is the document of the snapshot list command.
type Snapshots struct {
	FormatVersion string           `json:"format_version"`
	Snapshots     []*plan.Snapshot `json:"snapshots"`
}

// SnapshotsHuman writes a row a snapshot.
func SnapshotsHuman(w io.Writer, s *Snapshots) error {
	if len(s.Snapshots) == 0 {
		_, err := fmt.Fprintln(w, "No snapshots yet.")
		return err
	}
	return snapshotTable(w, "", s.Snapshots, true)
}

// snapshotTable writes a row a snapshot, with its run where there are those of
// several.
func snapshotTable(w io.Writer, indent string, all []*plan.Snapshot, ofRuns bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	columns := []string{"SNAPSHOT", "OF", "VERSION", "NAME", "DRIVER", "TAKEN", "SIZE", "RUN"}
	if !ofRuns {
		columns = columns[:len(columns)-1]
	}
	fmt.Fprintln(t, indent+strings.Join(columns, "\t"))
	for _, x := range all {
		row := []string{x.ID, x.Address, dash(x.Version), x.Name, x.Driver, takenText(x), sizeText(snapshotSize(x)), x.Run}
		fmt.Fprintln(t, indent+strings.Join(row[:len(columns)], "\t"))
	}
	return t.Flush()
}

func takenText(s *plan.Snapshot) string {
	if s.State != plan.Taken || s.Taken == nil {
		return "not whole"
	}
	return stampOf(*s.Taken)
}

func snapshotSize(s *plan.Snapshot) int64 {
	n := s.Size
	for _, c := range s.Claims {
		n += c.Size
	}
	return n
}

// sizeText is a number of bytes, for a person.
func sizeText(n int64) string {
	if n <= 0 {
		return "-"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// SnapshotProof says what a restored snapshot was held against.
func SnapshotProof(s *plan.Snapshot) string {
	if s.SchemaRevision == "" && s.Rows == nil {
		return fmt.Sprintf("%s of %s as of %s", s.Name, s.Address, takenText(s))
	}
	text := "schema revision " + s.SchemaRevision
	if s.Rows != nil {
		var rows int64
		for _, n := range s.Rows {
			rows += n
		}
		text += fmt.Sprintf(", %s in %s", plural(int(rows), "row"), plural(len(s.Rows), "table"))
	}
	return text
}

// SnapshotLoss says what is lost when a snapshot is restored.
func SnapshotLoss(s *plan.Snapshot, now time.Time) string {
	if s.Taken == nil {
		return fmt.Sprintf("everything written to %s since the snapshot is lost", s.Address)
	}
	return fmt.Sprintf("everything written to %s since %s, in the last %s, is lost", s.Address, stampOf(*s.Taken), now.Sub(*s.Taken).Round(time.Second))
}
