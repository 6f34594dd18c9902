package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/plan"
)

// A run is not refused for what its checks never use, and none fails half-way
// for what was not asked for.
func TestPermissions(t *testing.T) {
	t.Parallel()
	const (
		login    = "api {\nlogin_secret { name = \"login\" }\n}"
		byURL    = "api {\nurl = \"https://soctalk.example.com\"\nlogin_secret { name = \"login\" }\n}"
		inSecret = "database {\ndsn_secret {\nname = \"dsn\"\nkey = \"dsn\"\n }\n}"
		inPod    = "database {\nexec {\npod = \"postgres-0\"\ndatabase = \"soctalk\"\nuser = \"soctalk\"\n}\n}"
		both     = login + "\n" + inPod
		job      = "job {\nmanifest = <<-YAML\n{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: [{name: main, image: x, envFrom: [SECRETS]}]}}}}\nYAML\n}"

		asLogin  = "get secrets in namespace sys-x"
		asProxy  = asLogin + ", create services/proxy in namespace sys-x, get services/proxy in namespace sys-x"
		asExec   = "create pods/exec in namespace sys-x, get pods/exec in namespace sys-x"
		asPods   = "list pods in namespace x"
		asTenant = "get namespaces in namespace x"
		asJob    = "list pods in namespace x, watch pods in namespace x, create jobs.batch in namespace x, delete jobs.batch in namespace x, get jobs.batch in namespace x, list jobs.batch in namespace x, watch jobs.batch in namespace x"
	)
	for name, test := range map[string]struct {
		system, probe string
		here, there   string
	}{
		"service":                 {both, "http {\nservice = \"adapter\"\nport = 8080\n}", "get services/proxy in namespace x", ""},
		"url":                     {both, `http { url = "https://example.com" }`, "", ""},
		"prometheus":              {both, "prometheus {\naddress = \"https://example.com\"\nquery = \"up\"\nmin = 1\n}", "", ""},
		"command":                 {both, `command { argv = ["true"] }`, "", ""},
		"sql in a pod":            {inPod, "sql {\nquery = \"SELECT 1\"\nequals = \"1\"\n}", "", asExec},
		"sql by a secret":         {inSecret, "sql {\nquery = \"SELECT 1\"\nequals = \"1\"\n}", "", asLogin},
		"job":                     {both, strings.ReplaceAll(job, "SECRETS", ""), asJob, ""},
		"job with a secret":       {"", strings.ReplaceAll(job, "SECRETS", "{secretRef: {name: login}}"), "list pods in namespace x, watch pods in namespace x, get secrets in namespace x" + strings.TrimPrefix(asJob, "list pods in namespace x, watch pods in namespace x"), ""},
		"heartbeat":               {both, `builtin = "soctalk_heartbeat"`, "", asProxy},
		"heartbeat by url":        {byURL, `builtin = "soctalk_heartbeat"`, "", asLogin},
		"run":                     {both, `builtin = "soctalk_run"`, "", asExec},
		"run without api":         {inPod, `builtin = "soctalk_run"`, "", asExec},
		"ingest":                  {both, `builtin = "soctalk_ingest"`, "", asExec},
		"images by the api":       {both, `builtin = "soctalk_images"`, asPods, asProxy},
		"images by the database":  {inPod, `builtin = "soctalk_images"`, asPods, asExec},
		"images by the namespace": {"", `builtin = "soctalk_images"`, asTenant + ", " + asPods, ""},
		"images of the system":    {both, "on = \"system\"\nbuiltin = \"soctalk_images\"", "", "list pods in namespace sys-x"},
		"service of the system":   {both, "on = \"system\"\nhttp {\nservice = \"api\"\nport = 8000\n}", "", "get services/proxy in namespace sys-x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listed, step := "check.it", plan.Step{Address: "tenant.acme", Tenant: "tenant.acme", Checks: []string{"it"}}
			if strings.Contains(test.probe, `on = "system"`) {
				listed, step = "", plan.Step{Address: "system", Checks: []string{"it"}}
			}
			f := load(t, "x", test.system+"\ncluster = \"there\"", listed, "check \"it\" {\n"+test.probe+"\n}\ncluster \"there\" {}\ncluster \"here\" {}\ntenant_defaults { cluster = \"here\" }\n")
			got := check.Permissions(f, &plan.Document{Steps: []plan.Step{step}})
			for cluster, want := range map[string]string{"here": test.here, "there": test.there} {
				var all []string
				for _, a := range got[cluster] {
					all = append(all, a.String())
				}
				wanted := strings.Split(want, ", ")
				slices.Sort(all)
				slices.Sort(wanted)
				if have, want := strings.Join(all, ", "), strings.Join(wanted, ", "); have != want {
					t.Errorf("on cluster %s: %s, want %s", cluster, have, want)
				}
				if _, named := got[cluster]; named && want == "" {
					t.Errorf("cluster %s is named, and nothing is needed there", cluster)
				}
			}
		})
	}
}
