package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
)

// Row is one comparison.
type Row struct {
	Name string `json:"name"`
	// N is the number of tenants.
	N     int     `json:"n"`
	OursS float64 `json:"ours_s"`
	Peer  string  `json:"peer"`
	PeerS float64 `json:"peer_s"`
	// Ratio is how many times the peer's time ours is shorter; of the row
	// cost-per-tenant, ours_s over peer_s.
	Ratio   float64 `json:"ratio"`
	PeakMiB float64 `json:"peak_mib"`
	// Requests and Bytes are those that passed the API server, in all.
	Requests int64 `json:"requests"`
	Bytes    int64 `json:"bytes"`

	cpu float64
}

// Report is everything that was measured.
type Report struct{ sizes []*size }

const (
	small = 500
	large = 5000
)

// Rows are the comparisons, in the order in which they were made.
func (r *Report) Rows() []Row {
	var rows []Row
	for _, s := range r.sizes {
		for _, p := range s.peers {
			rows = append(rows, compare("plan-cold", s.n, s.cold, p))
		}
		for _, p := range s.peers {
			rows = append(rows, compare("plan-unchanged", s.n, s.unchanged, p))
		}
		if s.applied != nil {
			rows = append(rows, s.applied.rows(s.n)...)
		}
		if s.n <= entire {
			rows = append(rows, compare("status", s.n, s.status, s.list))
		}
	}
	few, many := r.size(small), r.size(large)
	if few != nil && many != nil {
		ours, peer := many.cold, few.cold
		ours.seconds /= large
		ours.cpu /= large
		peer.seconds /= small
		row := compare("cost-per-tenant", large, ours, peer)
		row.Peer = fmt.Sprintf("soctalk plan, cold, per tenant of %d", small)
		row.Ratio = round(ours.seconds/peer.seconds, 3)
		rows = append(rows, row)
	}
	return rows
}

func (r *Report) size(n int) *size {
	for _, s := range r.sizes {
		if s.n == n {
			return s
		}
	}
	return nil
}

func compare(name string, n int, ours, peer timing) Row {
	return Row{
		Name: name, N: n, OursS: round(ours.seconds, 5), Peer: peer.name, PeerS: round(peer.seconds, 5), Ratio: round(peer.seconds/ours.seconds, 3),
		PeakMiB: round(float64(ours.peak)/(1<<20), 1), Requests: ours.requests, Bytes: ours.sentOnWire, cpu: ours.cpu,
	}
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// Write writes the rows as JSON.
func (r *Report) Write(file string) error {
	data, err := json.MarshalIndent(r.Rows(), "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Print writes a table, and the goals.
func (r *Report) Print(w io.Writer) error {
	t := table.New().Border(lipgloss.NormalBorder()).StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle().Padding(0, 1) }).
		Headers("", "tenants", "ours s", "cpu s", "peer", "peer s", "ratio", "peak MiB", "requests/tenant", "KiB/tenant")
	for _, row := range r.Rows() {
		t.Row(row.Name, fmt.Sprint(row.N), seconds(row.OursS), seconds(row.cpu), row.Peer, seconds(row.PeerS), fmt.Sprintf("%.1f", row.Ratio),
			fmt.Sprintf("%.0f", row.PeakMiB), fmt.Sprintf("%.3f", float64(row.Requests)/float64(row.N)), fmt.Sprintf("%.1f", float64(row.Bytes)/float64(row.N)/1024))
	}
	if _, err := fmt.Fprintln(w, t.String()); err != nil {
		return err
	}
	for _, g := range r.goals() {
		word := "missed"
		if g.met {
			word = "met"
		}
		if _, err := fmt.Fprintf(w, "%-7s %s: %s\n", word, g.what, g.got); err != nil {
			return err
		}
	}
	return nil
}

// seconds keeps three figures of small numbers.
func seconds(s float64) string {
	if s < 0.1 {
		return fmt.Sprintf("%.5f", s)
	}
	return fmt.Sprintf("%.2f", s)
}
