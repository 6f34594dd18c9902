package view

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// driftedStatus is of a fleet in which objects were changed by hand.
func driftedStatus(objects int) *Status {
	at := time.Date(2026, 11, 22, 14, 15, 0, 0, time.UTC)
	s := &Status{
		Observed: at,
		Releases: []ReleaseStatus{
			{Address: "system", Namespace: "soctalk", Wanted: "0.2.1", Live: "0.2.1", Health: "ready", OK: true},
			{
				Address: "tenant.acme", Namespace: "tenant-acme", Wanted: "0.2.1", Live: "0.2.1", Compatibility: "supported", Health: "ready", Drift: true, Differs: []string{"objects"},
				Drifted: []ObjectSeen{
					{Kind: "Deployment", Namespace: "tenant-acme", Name: "soctalk-adapter", Paths: []string{"spec.replicas", "spec.template.spec.containers[adapter].image"}, By: "kubectl-edit"},
					{Kind: "ConfigMap", Namespace: "elsewhere", Name: "shared\x1b[31m", Paths: []string{"data.a"}},
					{Kind: "ClusterRole", Name: "reader", Missing: true},
				},
			},
		},
		LastRun: &RunStatus{Run: "r1", State: "failed", By: "ada@ops", Started: at, Stopped: "nothing was started: these rights are missing:\n  get pods\n  list nodes."},
	}
	for i := range objects {
		s.Releases[0].Drifted = append(s.Releases[0].Drifted, ObjectSeen{Kind: "Secret", Namespace: "soctalk", Name: fmt.Sprintf("s%02d", i), Paths: []string{"data.x"}})
	}
	return s
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Status{"status.txt": driftedStatus(0), "status_many.txt": driftedStatus(200)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			if err := StatusHuman(&b, s, Style{}); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.String())
		})
	}
}
