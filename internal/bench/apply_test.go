package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestStepsAreReadFromTheStream(t *testing.T) {
	t.Parallel()
	stream := `{"@timestamp":"2026-11-22T10:00:00Z","type":"version"}
{"@timestamp":"2026-11-22T10:00:02Z","type":"step_start","step":{"kind":"upgrade"}}
{"@timestamp":"2026-11-22T10:00:03Z","type":"step_start","step":{"kind":"upgrade"}}
{"@timestamp":"2026-11-22T10:00:04Z","type":"step_done","step":{"kind":"upgrade"}}
{"@timestamp":"2026-11-22T10:00:05Z","type":"step_done","step":{"kind":"verify"}}
`
	first, upgrades, err := steps([]byte(stream))
	if want := time.Date(2026, 11, 22, 10, 0, 2, 0, time.UTC); err != nil || !first.Equal(want) || upgrades != 1 {
		t.Errorf("steps = %s, %d, %v", first, upgrades, err)
	}
	if _, _, err := steps([]byte(`{"type":"version"}`)); err == nil {
		t.Error("a stream without a step was read")
	}
}

func TestReportComparesUpgrades(t *testing.T) {
	t.Parallel()
	s := sized(200, 10)
	s.applied = &applied{
		one: timing{seconds: 103}, wide: timing{seconds: 10, peak: 600 << 20},
		loop: timing{name: "loop", seconds: 100}, xargs: timing{name: "xargs", seconds: 9},
	}
	var out bytes.Buffer
	if err := (&Report{sizes: []*size{s}}).Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"apply-width-1 ", "apply-width-20 ",
		"met     200 tenants, one at a time, at most 1.05 times the time of the loop: 1.03 times",
		"met     200 tenants, 20 at a time, at least 8 times faster than the loop: 10.0 times",
		"missed  200 tenants, 20 at a time, no slower than xargs: 0.9 times",
		"missed  200 tenants, peak memory of apply, under 500 MiB: 600 MiB",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q in\n%s", want, &out)
		}
	}
}
