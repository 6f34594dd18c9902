package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/sandbox/prometheustest"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
)

var (
	system  = plan.Step{ID: "system/0/upgrade", Kind: plan.StepUpgrade, Address: "system"}
	first   = plan.Step{ID: "tenant.first/0/upgrade", Kind: plan.StepUpgrade, Address: "tenant.first", Tenant: "tenant.first", Wave: "rest"}
	second  = plan.Step{ID: "tenant.second/0/install", Kind: plan.StepInstall, Address: "tenant.second", Tenant: "tenant.second", Wave: "rest"}
	verify  = plan.Step{ID: "tenant.first/0/verify", Kind: plan.StepVerify, Address: "tenant.first", Tenant: "tenant.first", Wave: "rest"}
	started = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

func planned() *plan.Document {
	return &plan.Document{PlanID: "p1", Summary: plan.Summary{Install: 1, Upgrade: 2}, Steps: []plan.Step{system, first, verify, second}}
}

// fails is a run in which one tenant fails and is put back, and one is left out.
func fails(r *Run) {
	back := first
	back.ID, back.Kind = apply.RollbackID(first.ID), plan.StepRollback
	for _, e := range []apply.Event{
		{Type: apply.StepStart, Step: system},
		{Type: apply.StepDone, Step: system, Elapsed: 40 * time.Second},
		{Type: apply.StepStart, Step: first},
		{Type: apply.StepFailed, Step: first, Elapsed: 20 * time.Second, Err: errors.New("no")},
		{Type: apply.StepStart, Step: back},
		{Type: apply.RolledBack, Step: back, Elapsed: 2 * time.Second},
		{Type: apply.StepFailed, Step: second, Err: &apply.StaleError{Address: "tenant.second"}},
		{Type: apply.StepSkipped, Step: verify},
	} {
		r.Event(e)
	}
	r.Ended(&apply.Result{Upgraded: 1, Failed: []*apply.Failure{{Step: first}}, Quarantined: []apply.Failure{{Step: second}}, RolledBack: []string{"tenant.first"}, Stopped: "1 tenant failed"})
}

func fleet() *view.Status {
	return &view.Status{
		Observed: started, Unmanaged: []string{"default/tenant-stray/tenant-stray"}, LastRun: &view.RunStatus{Run: "r1", State: "failed", Started: started},
		Releases: []view.ReleaseStatus{
			{Address: "system", Wanted: "0.2.1", Live: "0.2.1", Health: "ready", Workloads: &view.WorkloadsStatus{Ready: 3, Total: 3}, OK: true},
			{Address: `tenant.fleet["a\b"]`, Wanted: "0.2.1", Live: "0.2.0", Compatibility: "deprecated", Skew: &view.SkewStatus{System: "0.2.1", Since: started}, Health: "Deployment x: 0 of 1", Workloads: &view.WorkloadsStatus{Ready: 1, Total: 2}, Drift: true, Differs: []string{"version"}},
		},
	}
}

func to(t *testing.T, file, gateway string, labels ...string) To {
	t.Helper()
	to, err := Parse(file, gateway, labels)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// series reads metrics as Prometheus does, a line each, those that tell the time
// of writing left out.
func series(t *testing.T, text []byte) []string {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	var all []string
	for name, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			slices.Sort(labels)
			value := fmt.Sprint(m.GetGauge().GetValue())
			if family.GetType() == dto.MetricType_HISTOGRAM {
				value = fmt.Sprintf("%d in %vs", m.GetHistogram().GetSampleCount(), m.GetHistogram().GetSampleSum())
			}
			all = append(all, fmt.Sprintf("%s{%s} %s", name, strings.Join(labels, ","), value))
		}
	}
	slices.Sort(all)
	return all
}

func holds(t *testing.T, all []string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(all, w) {
			t.Errorf("%s is not among\n%s", w, strings.Join(all, "\n"))
		}
	}
}

func TestFileOfARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "soctalk.prom")
	r := NewRun(t.Context(), to(t, file, "", "fleet=prod"), Head{ID: "r1", Version: "0.1.0", Started: started}, planned(), nil)
	fails(r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	holds(t, series(t, text),
		`soctalk_run_info{fleet="prod",plan="p1",reverses="",run="r1",version="0.1.0"} 1`,
		`soctalk_run_state{fleet="prod",state="failed"} 1`, `soctalk_run_state{fleet="prod",state="running"} 0`,
		`soctalk_run_start_timestamp_seconds{fleet="prod"} `+fmt.Sprint(float64(started.Unix())),
		`soctalk_run_planned_releases{action="upgrade",fleet="prod"} 2`,
		`soctalk_run_releases{fleet="prod",result="failed"} 1`, `soctalk_run_releases{fleet="prod",result="rolled_back"} 1`, `soctalk_run_releases{fleet="prod",result="upgraded"} 1`, `soctalk_run_releases{fleet="prod",result="installed"} 0`,
		`soctalk_run_steps{fleet="prod",kind="upgrade",result="done"} 1`, `soctalk_run_steps{fleet="prod",kind="upgrade",result="failed"} 1`, `soctalk_run_steps{fleet="prod",kind="upgrade",result="pending"} 0`, `soctalk_run_steps{fleet="prod",kind="upgrade",result="running"} 0`,
		`soctalk_run_steps{fleet="prod",kind="install",result="quarantined"} 1`, `soctalk_run_steps{fleet="prod",kind="verify",result="skipped"} 1`, `soctalk_run_steps{fleet="prod",kind="rollback",result="done"} 1`,
		`soctalk_run_step_duration_seconds{fleet="prod",kind="upgrade"} 2 in 60s`,
	)
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("beside the file lie %v", left)
	}
}

// The file is there from the beginning, so that a run that dies is seen.
func TestFileWhileARunGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "soctalk.prom")
		r := NewRun(t.Context(), to(t, file, ""), Head{ID: "r1", Started: started}, planned(), nil)
		synctest.Wait()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, series(t, text), `soctalk_run_state{state="running"} 1`, `soctalk_run_end_timestamp_seconds{} 0`, `soctalk_run_steps{kind="upgrade",result="pending"} 2`)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// What kept the file from being written may be gone the next time.
func TestFileThatCouldNotBeWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "later", "soctalk.prom")
		r := NewRun(t.Context(), to(t, file, ""), Head{ID: "r1", Started: started}, planned(), nil)
		synctest.Wait()
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(fileEvery)
		synctest.Wait()
		if _, err := os.Stat(file); err != nil {
			t.Errorf("while the run goes on: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A run that is taken up again counts what was done before; what had failed when
// it came to its end is tried again.
func TestRunThatGoesOn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "soctalk.prom")
	past := []apply.Entry{
		{Kind: apply.Started}, {Kind: apply.Begun, Step: system.ID}, {Kind: apply.Done, Step: system.ID}, {Kind: apply.Failed, Step: first.ID}, {Kind: apply.Failed, Step: apply.RollbackID(first.ID)},
		{Kind: apply.Ended}, {Kind: apply.Quarantined, Step: second.ID},
	}
	r := NewRun(t.Context(), to(t, file, ""), Head{ID: "r1"}, planned(), past)
	r.Ended(&apply.Result{Stopped: "it waits", Resumable: true, Awaits: "rest"})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, series(t, text),
		`soctalk_run_state{state="waiting"} 1`, `soctalk_run_steps{kind="upgrade",result="done"} 1`, `soctalk_run_steps{kind="upgrade",result="failed"} 0`,
		`soctalk_run_steps{kind="upgrade",result="pending"} 1`, `soctalk_run_steps{kind="install",result="quarantined"} 1`)
}

// gateway takes what is pushed as Prometheus' push gateway does: a PUT replaces all
// that there is of a group, which the path names.
type gateway struct {
	t      *testing.T
	groups map[string]map[string]*dto.MetricFamily
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut {
		g.t.Errorf("%s %s", r.Method, r.URL)
	}
	families := map[string]*dto.MetricFamily{}
	decoder := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header))
	for {
		var f dto.MetricFamily
		err := decoder.Decode(&f)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || families[f.GetName()] != nil {
			g.t.Errorf("pushed %s: %v", f.GetName(), err)
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		families[f.GetName()] = &f
	}
	g.groups[r.URL.EscapedPath()] = families
}

// text is what the gateway has of a group.
func (g *gateway) text(group string) []byte {
	var b bytes.Buffer
	for _, f := range g.groups[group] {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			g.t.Error(err)
		}
	}
	return b.Bytes()
}

// A push gateway has of each job only what was pushed last.
func TestPush(t *testing.T) {
	t.Parallel()
	g := &gateway{t, map[string]map[string]*dto.MetricFamily{}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	where := to(t, "", server.URL+"/", "fleet=prod/eu")
	r := NewRun(t.Context(), where, Head{ID: "r1"}, planned(), nil)
	fails(r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = NewRun(t.Context(), where, Head{ID: "r2"}, planned(), nil)
	r.Ended(&apply.Result{Upgraded: 2, Installed: 1})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	well := fleet()
	well.Releases[1].Skew = nil
	for _, s := range []*view.Status{fleet(), well} {
		if err := WriteStatus(t.Context(), where, s, true); err != nil {
			t.Fatal(err)
		}
	}
	const group = "/fleet@base64/cHJvZC9ldQ"
	runs, fleets := series(t, g.text("/metrics/job/soctalk_run"+group)), series(t, g.text("/metrics/job/soctalk_status"+group))
	holds(t, runs, `soctalk_run_info{plan="p1",reverses="",run="r2",version=""} 1`, `soctalk_run_state{state="complete"} 1`, `soctalk_run_releases{result="failed"} 0`)
	holds(t, fleets, `soctalk_release_ok{address="system"} 1`, `soctalk_release_drift{address="tenant.fleet[\"a\\b\"]",differs="objects"} 0`)
	for _, s := range append(runs, fleets...) {
		if strings.Contains(s, `run="r1",version`) || strings.HasPrefix(s, "soctalk_release_skew") {
			t.Errorf("the gateway still has %s", s)
		}
	}
	if len(g.groups) != 2 {
		t.Errorf("pushed to %d groups", len(g.groups))
	}
}

// A real one agrees, down to a label that does not fit into a path as it is.
func TestPushToARealGateway(t *testing.T) {
	t.Parallel()
	url := prometheustest.Pushgateway(t)
	where := to(t, "", url, "fleet=prod/eu")
	for _, run := range []string{"r1", "r2"} {
		r := NewRun(t.Context(), where, Head{ID: run}, planned(), nil)
		r.Ended(&apply.Result{Upgraded: 2, Installed: 1})
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteStatus(t.Context(), where, fleet(), true); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := series(t, text)
	const run, status = `fleet="prod/eu",instance="",job="soctalk_run"`, `fleet="prod/eu",instance="",job="soctalk_status"`
	holds(t, all, `soctalk_run_info{`+run+`,plan="p1",reverses="",run="r2",version=""} 1`, `soctalk_release_ok{address="system",`+status+`} 1`,
		`push_failure_time_seconds{`+run+`} 0`, `push_failure_time_seconds{`+status+`} 0`)
	if strings.Contains(string(text), `run="r1",version`) {
		t.Error("the gateway still has the run before")
	}
}

func TestFileOfAFleet(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "soctalk.prom")
	if err := WriteStatus(t.Context(), to(t, file, ""), fleet(), false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	all := series(t, text)
	const tenant = `address="tenant.fleet[\"a\\b\"]"`
	holds(t, all,
		`soctalk_release_info{address="system",compatibility="",live="0.2.1",wanted="0.2.1"} 1`,
		`soctalk_release_info{`+tenant+`,compatibility="deprecated",live="0.2.0",wanted="0.2.1"} 1`,
		`soctalk_release_ok{`+tenant+`} 0`, `soctalk_release_ready{`+tenant+`} 0`, `soctalk_release_ready_workloads{`+tenant+`} 1`, `soctalk_release_workloads{`+tenant+`} 2`,
		`soctalk_release_drift{`+tenant+`,differs="version"} 1`, `soctalk_release_drift{`+tenant+`,differs="values"} 0`,
		`soctalk_release_skew_start_timestamp_seconds{`+tenant+`} `+fmt.Sprint(float64(started.Unix())),
		`soctalk_fleet_last_run_info{run="r1",state="failed"} 1`, `soctalk_fleet_unmanaged_releases{} 1`)
	if strings.Contains(string(text), `"objects"`) {
		t.Error("objects were not looked at")
	}
}

// What a gateway answers is bounded, and a password is in no error.
func TestGatewayThatRefuses(t *testing.T) {
	t.Parallel()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "s3cret-canary" {
			t.Errorf("the password is %q", password)
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	}))
	t.Cleanup(refuses.Close)
	for url, want := range map[string]string{
		strings.Replace(refuses.URL, "http://", "http://ada:s3cret-canary@", 1): "unexpected status code 500",
		"http://ada:s3cret-canary@127.0.0.1:1":                                  "nothing listens there",
	} {
		r := NewRun(t.Context(), to(t, "", url), Head{ID: "r1"}, planned(), nil)
		r.Ended(&apply.Result{})
		err := r.Close()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 2*mostAnswer {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestMistakesInWhereMetricsGo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ gateway, label, want string }{
		{"gateway:9091", "", "no URL"}, {"ftp://gateway", "", "no URL"}, {"http://s3cret@/", "", "no URL"}, {"http://u:s3cret@%zz/", "", "no URL"}, {"http://gateway/?token=s3cret", "", "no URL"},
		{"", "fleet", "no label"}, {"", "fleet=", "no label"}, {"", "a-b=c", "no label"}, {"", "__x=c", "no label"}, {"", "job=c", "no label"},
		{"", "address=c", "label of their own"}, {"", "kind=c", "label of their own"},
	} {
		var labels []string
		if c.label != "" {
			labels = []string{c.label}
		}
		_, err := Parse("", c.gateway, labels)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := Parse("", "", []string{"a=1", "a=2"}); err == nil {
		t.Error("a label may be given twice")
	}
}

// The page names every metric, and none that there is not.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(soctalk_[a-z_]+)").FindAllSubmatch(page, -1) {
		told = append(told, string(m[1]))
	}
	var have []string
	for _, write := range []func(To) error{
		func(to To) error {
			r := NewRun(t.Context(), to, Head{ID: "r1"}, planned(), nil)
			fails(r)
			return r.Close()
		},
		func(to To) error { return WriteStatus(t.Context(), to, fleet(), true) },
	} {
		file := filepath.Join(t.TempDir(), "soctalk.prom")
		if err := write(to(t, file, "")); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllSubmatch(text, -1) {
			have = append(have, string(m[1]))
		}
	}
	slices.Sort(told)
	slices.Sort(have)
	if diff := cmp.Diff(have, told); diff != "" {
		t.Errorf("docs/monitoring.md (-there are +told):\n%s", diff)
	}
}
