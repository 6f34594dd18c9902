package bench

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func sized(n int, cold float64) *size {
	return &size{
		n: n, cold: timing{seconds: cold, peak: 250 << 20, requests: int64(2 * n), sentOnWire: 1 << 20}, unchanged: timing{seconds: 1, requests: 10},
		status: timing{seconds: 1}, list: timing{name: "helm list", seconds: 2},
		peers: []timing{{name: "first loop", seconds: 60 * cold}, {name: "second loop", seconds: 9 * cold}},
	}
}

func TestReportIsAListOfComparisons(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "build", "bench.json")
	if err := (&Report{sizes: []*size{sized(1000, 10)}}).Write(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	want := []string{"bytes", "n", "name", "ours_s", "peak_mib", "peer", "peer_s", "ratio", "requests"}
	if len(rows) != 5 || !slices.Equal(slices.Sorted(maps.Keys(rows[0])), want) {
		t.Errorf("%s", data)
	}
	if r := rows[0]; r["name"] != "plan-cold" || r["ratio"] != 60.0 || r["peak_mib"] != 250.0 || r["requests"] != 2000.0 {
		t.Errorf("first row: %v", r)
	}
}

func TestReportComparesSizes(t *testing.T) {
	t.Parallel()
	rows := (&Report{sizes: []*size{sized(500, 5), sized(5000, 60)}}).Rows()
	last := rows[len(rows)-1]
	if last.Name != "cost-per-tenant" || last.N != 5000 || last.OursS != 0.012 || last.PeerS != 0.01 || last.Ratio != 1.2 {
		t.Errorf("%+v", last)
	}
}

func TestGoalsAreMetOrMissed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := (&Report{sizes: []*size{sized(1000, 10)}}).Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"met     1000 tenants, cold, at least 50 times faster than first loop: 60.0 times",
		"missed  1000 tenants, cold, at least 10 times faster than second loop: 9.0 times",
		"met     1000 tenants, nothing changed, fewer than 0.1 API requests a tenant: 0.010",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q in\n%s", want, &out)
		}
	}
}
