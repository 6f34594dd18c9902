package clitest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/plan"
)

// width MOST [WAVE] says how many tenants had their turn at the same time, at
// most, by the run stream in standard output: from a tenant's first step until it
// is proved well.
func width(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: width most [wave]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	turns, most := map[string]bool{}, 0
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var e struct {
			Type string
			Step plan.Step
		}
		ts.Check(json.Unmarshal([]byte(line), &e))
		switch {
		case e.Step.Tenant == "" || len(args) == 2 && e.Step.Wave != args[1]:
		case e.Type == "step_start":
			turns[e.Step.Tenant] = true
			most = max(most, len(turns))
		case e.Type == "step_done" && e.Step.Kind == plan.StepVerify:
			delete(turns, e.Step.Tenant)
		}
	}
	if most != want {
		ts.Fatalf("%d tenants moved at the same time, want %d", most, want)
	}
}
