package view

import (
	"strings"
	"testing"

	"github.com/soctalk/fleet/plan"
)

func TestWindowTimes(t *testing.T) {
	t.Parallel()
	for want, w := range map[string]plan.Window{
		"mon-thu 01:00-04:00 Europe/Madrid": {Days: strings.Fields("mon tue wed thu"), Start: "01:00", Duration: "3h0m0s", Timezone: "Europe/Madrid"},
		"every day 22:30-02:15 UTC":         {Days: strings.Fields("sun mon tue wed thu fri sat"), Start: "22:30", Duration: "3h45m0s", Timezone: "UTC"},
		"sat, sun 00:00 for 24h UTC":        {Days: strings.Fields("sun sat"), Start: "00:00", Duration: "24h0m0s", Timezone: "UTC"},
		"mon, wed-fri 01:00-01:30 UTC":      {Days: strings.Fields("mon wed thu fri"), Start: "01:00", Duration: "30m0s", Timezone: "UTC"},
		"01:00 for ? UTC":                   {Start: "01:00", Duration: "?", Timezone: "UTC"},
	} {
		if got := windowTimes(w); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
