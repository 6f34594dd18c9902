package apply

import (
	"testing"
	"time"

	"github.com/soctalk/fleet/plan"
)

func TestWindowOpens(t *testing.T) {
	t.Parallel()
	night := plan.Window{Days: []string{"sat", "sun"}, Start: "01:00", Duration: "4h", Timezone: "Europe/Madrid"}
	late := plan.Window{Days: []string{"fri"}, Start: "23:30", Duration: "3h", Timezone: "UTC"}
	weekend := plan.Window{Days: []string{"sat", "sun"}, Start: "00:00", Duration: "24h", Timezone: "Europe/Madrid"}
	gap := plan.Window{Days: []string{"sun"}, Start: "02:30", Duration: "2h", Timezone: "Europe/Madrid"}
	for _, c := range []struct {
		name, now, want string
		window          plan.Window
		need            time.Duration
	}{
		{"before", "2026-11-20T12:00:00Z", "2026-11-21T00:00:00Z", night, time.Hour},
		{"inside", "2026-11-21T01:00:00Z", "2026-11-21T01:00:00Z", night, time.Hour},
		{"the last moment that fits", "2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z", night, time.Hour},
		{"no longer fits", "2026-11-21T03:00:01Z", "2026-11-22T00:00:00Z", night, time.Hour},
		{"next week", "2026-11-22T03:30:00Z", "2026-11-28T00:00:00Z", night, time.Hour},
		{"past midnight", "2026-11-21T01:00:00Z", "2026-11-21T01:00:00Z", late, time.Hour},
		{"over after midnight", "2026-11-21T02:00:00Z", "2026-11-27T23:30:00Z", late, time.Hour},
		{"from one day into the next", "2026-11-21T22:59:00Z", "2026-11-21T22:59:00Z", weekend, time.Hour},
		{"before the first of two days", "2026-11-20T22:59:00Z", "2026-11-20T23:00:00Z", weekend, time.Hour},
		{"at the end of two days", "2026-11-22T22:59:00Z", "2026-11-27T23:00:00Z", weekend, time.Hour},
		{"in the last of 25 hours", "2026-10-25T22:30:00Z", "2026-10-25T22:30:00Z", plan.Window{Days: []string{"sun", "mon"}, Start: "00:00", Duration: "24h", Timezone: "Europe/Madrid"}, time.Hour},
		// 02:30 does not exist on 29 March 2026: clocks go from 02:00 to 03:00.
		{"start that is skipped", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", gap, time.Hour},
		// and comes twice on 25 October 2026.
		{"start that comes twice", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", gap, time.Hour},
		{"as long as ever", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z", gap, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, err := newWindow("w", c.window)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.from(now, c.need).UTC().Format(time.RFC3339); got != c.want {
				t.Errorf("opens %s, want %s", got, c.want)
			}
		})
	}
}

func TestTurnThatNeverFitsIsRefused(t *testing.T) {
	t.Parallel()
	doc := &plan.Document{
		Rollout: plan.Rollout{Windows: map[string]plan.Window{"w": {Days: []string{"sat"}, Start: "01:00", Duration: "1h", Timezone: "UTC"}}},
		Steps: []plan.Step{
			{ID: "a", Tenant: "tenant.a", Window: "w", Timeout: "40m"},
			{ID: "b", Tenant: "tenant.a", Window: "w", Timeout: "30m"},
		},
	}
	want := "tenant.a may take 1h10m0s, and window w is open for 1h0m0s: make the window longer or the timeouts shorter"
	if _, err := newWindows(doc); err == nil || err.Error() != want {
		t.Errorf("newWindows = %v, want %s", err, want)
	}
}
