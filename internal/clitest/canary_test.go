package clitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

// canaryFleet is a fleet of one chart that puts its values wherever a chart can
// put them. Everything secret in it is a canary.
type canaryFleet struct {
	t      *testing.T
	dir    string
	id     string
	flock  flock
	own    map[string]bool   // files of the user
	looked map[string]string // what was in the others when they were looked through
	env    []string
	always []string // options of every command that reads the configuration
}

const (
	leakyFrom = "1.0.0"
	leakyTo   = "2.0.0"
)

// sources are the ways in for a value.
var sources = []string{"file", "inline", "set", "var", "varfile", "env", "local", "template", "release"}

func newCanaryFleet(t *testing.T) *canaryFleet {
	t.Helper()
	c := sandboxtest.Cluster(t)
	f := &canaryFleet{t: t, dir: t.TempDir(), id: newID(), flock: flock{}, own: map[string]bool{}, looked: map[string]string{}}
	for _, s := range append(sources, "live", "dsn") {
		f.flock[s] = newCanary(s)
	}
	f.env = append(os.Environ(),
		"KUBECONFIG="+c.Kubeconfig, "TMPDIR="+f.sub("tmp"), "XDG_CACHE_HOME="+f.sub("cache"),
		"HELM_DEBUG=true", "SOCTALK_TRACE=1", "SOCTALK_LOG=trace", "TF_LOG=trace", "KLOG_V=10",
		"SOCTALK_VAR_env="+f.flock["env"].json())
	for _, version := range []string{leakyFrom, leakyTo} {
		f.chart(version)
	}
	f.write("values.yaml", f.flock.yaml("file"))
	f.write("values.tpl", `sources: {template: ${jsonencode(secret)}}`)
	f.write("secret.vars.hcl", "varfile = "+f.flock["varfile"].json()+"\n")
	f.always = []string{"-var", "var=" + f.flock["var"].json(), "-var-file", "secret.vars.hcl"}
	f.configure("", "")
	return f
}

func (f *canaryFleet) sub(name string) string {
	dir := filepath.Join(f.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.t.Fatal(err)
	}
	return dir
}

func (f *canaryFleet) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.own[path] = true
}

// chart puts a version of the chart into the fleet's folder.
func (f *canaryFleet) chart(version string) {
	f.t.Helper()
	const from = "testdata/leaky"
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if d.Name() == "Chart.yaml" {
			text = bytes.ReplaceAll(text, []byte(leakyFrom), []byte(version))
		}
		name, err := filepath.Rel(from, path)
		f.write(filepath.Join("leaky-"+version, name), string(text))
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// configure writes the configuration. kept is what the tenant of that name has
// beside its chart, system what the system has.
func (f *canaryFleet) configure(system, kept string) {
	if kept == "" {
		kept = "values = [{ sources = { release = " + f.flock["release"].hcl() + " } }]"
	}
	set := ""
	for name, value := range f.flock["set"].fields() {
		set += fmt.Sprintf("    \"sources.set.%s\" = %s\n", name, quoteHCL(strings.ReplaceAll(value, ",", `\,`)))
	}
	f.write("fleet.hcl", fmt.Sprintf(`
variable "version" { default = %q }
variable "system_mode" { default = "fine" }
variable "mode" { default = "fine" }
variable "more" { default = "{}" }
variable "system_number" { default = 3 }
variable "var" {
  type      = object({ plain = string, meta = string, multi = string, short = string })
  sensitive = true
}
variable "varfile" {
  type      = object({ plain = string, meta = string, multi = string, short = string })
  sensitive = true
}
variable "env" {
  type      = object({ plain = string, meta = string, multi = string, short = string })
  sensitive = true
}
locals { secret = %s }
locals {
  values = [file("values.yaml"), { sources = { var = var.var, varfile = var.varfile, env = var.env } }, templatefile("values.tpl", { secret = local.secret }), { sources = { local = local.secret } }]
  set = {
%s  }
}
compatibility { unlisted = "allow" }
system {
  release   = "sys-%[4]s"
  namespace = "sys-%[4]s"
  chart     = "./leaky-${var.version}"
  version   = var.version
  timeout   = "20s"
  values    = concat(local.values, [{ mode = var.system_mode, number = var.system_number, sources = { inline = %[5]s } }])
  set       = local.set
  %[6]s
}
tenant_defaults {
  chart   = "./leaky-${var.version}"
  version = var.version
  timeout = "5s"
}
tenant "acme" {
  slug   = "acme-%[4]s"
  values = concat(local.values, [{ mode = var.mode, sources = { inline = %[5]s } }, var.more])
  set    = local.set
}
tenant "kept" {
  slug = "kept-%[4]s"
  %[7]s
}
rollout { settle = "0s" }
`, leakyFrom, f.flock["local"].hcl(), set, f.id, f.flock["inline"].hcl(), system, kept))
}

// live puts the Secret that the chart looks up into the namespaces.
func (f *canaryFleet) live() {
	f.t.Helper()
	secrets := sandboxtest.Client(f.t).CoreV1()
	for _, ns := range []string{"sys-" + f.id, "tenant-acme-" + f.id, "tenant-kept-" + f.id} {
		if _, err := secrets.Namespaces().Create(f.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}); err != nil {
			f.t.Fatal(err)
		}
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "live", Annotations: map[string]string{"example.com/said": f.flock["live"].Meta}}, StringData: f.flock["live"].fields()}
		if _, err := secrets.Secrets(ns).Create(f.t.Context(), s, metav1.CreateOptions{}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// refuse makes the cluster refuse what asks for it, and quote it.
func (f *canaryFleet) refuse() {
	f.t.Helper()
	config, err := kubeConfig(f.t)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, o := range objects(f.t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: canary-%[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: tenant-acme-%[1]s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]
  validations:
  - expression: "!('example.com/refuse' in object.metadata.?annotations.orValue({}))"
    messageExpression: "'refusing ' + object.metadata.annotations['example.com/refuse']"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: canary-%[1]s}
spec: {policyName: canary-%[1]s, validationActions: [Deny]}
`, f.id)) {
		if err := config.Apply(f.t.Context(), o, "test"); err != nil {
			f.t.Fatal(err)
		}
	}
}

// run runs the program and looks through what it wrote. It fails the test when
// the exit code is none of those expected.
func (f *canaryFleet) run(codes []int, args ...string) (out string) {
	f.t.Helper()
	if len(args) > 0 && slices.Contains([]string{"plan", "apply", "validate", "init", "status", "graph", "observe"}, args[0]) && !slices.Contains(args, "saved.plan") {
		args = slices.Concat(args[:1], f.always, args[1:])
	}
	cmd := exec.CommandContext(f.t.Context(), "soctalk", args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = f.dir, f.env, &stdout, &stderr
	err := cmd.Run()
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		f.t.Fatal(err)
	}
	what := f.name(args)
	if !slices.Contains(codes, code) {
		f.t.Errorf("%s ended with %d, want one of %v:\n%s\n%s", what, code, codes, stdout.String(), stderr.String())
	}
	if strings.Contains(stderr.String(), "goroutine ") {
		f.t.Errorf("%s crashed:\n%s", what, stderr.String())
	}
	f.look(what+", standard output", stdout.String())
	f.look(what+", standard error", stderr.String())
	f.files(what)
	return stdout.String() + stderr.String()
}

// name is a command without what is the same in all of them.
func (f *canaryFleet) name(args []string) string {
	text := strings.Join(args, " ")
	return "soctalk " + strings.ReplaceAll(text, strings.Join(f.always, " ")+" ", "")
}

// files looks through all that the program wrote to disk.
func (f *canaryFleet) files(what string) {
	f.t.Helper()
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || f.own[path] || d.Name() == "plan.key" {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && f.looked[path] != string(text) {
			f.looked[path] = string(text)
			f.look(fmt.Sprintf("%s, file %s", what, d.Name()), string(text))
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *canaryFleet) look(where, text string) {
	f.t.Helper()
	for _, leak := range f.flock.find(text) {
		f.t.Errorf("%s: %s", where, leak)
	}
}

// planForms are all the ways to write a plan.
func planForms() [][]string {
	return [][]string{
		{"plan"}, {"plan", "-refresh=live"}, {"plan", "-compact"}, {"plan", "-format=markdown"}, {"plan", "-format=markdown", "-compact"},
		{"plan", "-json", "-json-into=plan.json"}, {"graph"}, {"graph", "-format=mermaid"}, {"graph", "-format=svg"},
	}
}

// savedForms are all the ways to show a plan file.
func savedForms() [][]string {
	return [][]string{
		{"show", "saved.plan"}, {"show", "-compact", "saved.plan"}, {"show", "-format=markdown", "saved.plan"}, {"show", "-json", "saved.plan"},
		{"graph", "saved.plan"}, {"graph", "-format=mermaid", "saved.plan"}, {"graph", "-format=svg", "saved.plan"},
	}
}

var (
	good   = []int{0}
	bad    = []int{1}
	either = []int{0, 1}
)

// TestNoSecretLeaves plants canaries in every way into a fleet and in every
// kind of object, and looks for them in all that every command writes, while
// all is well and while it is not.
func TestNoSecretLeaves(t *testing.T) {
	t.Parallel()
	f := newCanaryFleet(t)
	f.live()
	f.refuse()

	f.run(good, "validate")
	f.run(good, "validate", "-json")
	f.run(good, "fmt", "-check", "leaky-1.0.0")
	f.run(good, "init")
	f.run(good, "plan", "-out=saved.plan")
	for _, form := range append(planForms(), savedForms()...) {
		f.run(good, form...)
	}
	f.run(good, "apply", "-auto-approve")
	f.observed()
	f.configure("", `values_from = "release"`)
	f.run(good, "status")
	f.run(good, "status", "-json")
	to := []string{"-var", "version=" + leakyTo}

	// Every field of every object changes.
	f.run(good, slices.Concat([]string{"plan", "-out=next.plan"}, to)...)
	for _, form := range planForms() {
		f.run(good, slices.Concat(form, to)...)
	}
	f.run(good, slices.Concat([]string{"plan", "-out=saved.plan"}, to)...)
	for _, form := range savedForms() {
		f.run(good, form...)
	}

	f.planFails(to)
	f.applyFails(to)
	f.kept(t)
	f.wrongInput(to)
}

// observedForms are all the ways to show an observation, and a plan from it.
func observedForms() [][]string {
	return [][]string{
		{"show", "seen.json"}, {"show", "-format=markdown", "seen.json"}, {"show", "-json", "seen.json"},
		{"plan", "-observed=seen.json"}, {"plan", "-observed=seen.json", "-refresh=none", "-compact"}, {"plan", "-observed=seen.json", "-format=markdown"},
		{"plan", "-observed=seen.json", "-json", "-json-into=plan.json"}, {"show", "-json", "plan.json"}, {"show", "-format=markdown", "plan.json"},
	}
}

// observed writes down what is live, while all is well and while it is not,
// and plans from that.
func (f *canaryFleet) observed() {
	f.t.Helper()
	f.run(good, "observe", "-out=seen.json")
	for _, form := range observedForms() {
		f.run(good, form...)
		if form[0] == "plan" {
			f.run(good, slices.Concat(form, []string{"-var", "version=" + leakyTo})...)
		}
	}
	for _, mode := range []string{"fail", "fail-json", "fail-base64", "required", "type", "tpl", "yaml"} {
		for _, form := range observedForms()[3:] {
			if form[0] == "plan" {
				f.run(bad, slices.Concat(form, []string{"-var", "version=" + leakyTo, "-var", "mode=" + mode})...)
			}
		}
	}
	f.run(bad, "plan", "-observed=values.yaml")
	f.run(bad, "show", "values.yaml")
	f.run(bad, "show", "secret.vars.hcl")
	f.run(bad, "apply", "plan.json")
	dsn := "postgres://user:" + f.flock["dsn"].Plain + "@127.0.0.1:1/db?sslmode=" + f.flock["dsn"].Short
	f.configure("database {\n    dsn = "+quoteHCL(dsn)+"\n  }", "")
	f.run(good, "observe", "-out=seen.json")
	for _, form := range observedForms() {
		f.run(either, form...)
	}
	f.configure("", "")
	f.run(bad, "observe", "-out=no-such-folder/seen.json")
}

// planFails has a plan end with an error that quotes values.
func (f *canaryFleet) planFails(to []string) {
	f.t.Helper()
	for _, mode := range []string{
		"fail", "fail-json", "fail-base64", "fail-url", "fail-short", "fail-quoted", "fail-changed", "fail-changed-short", "fail-lookup", "required", "type", "index", "include", "tpl", "tpl-fail",
		"date", "regexp", "semver", "lookup-kind", "lookup-name", "json", "yaml", "yaml-alias", "no-kind",
	} {
		f.failing(slices.Concat(to, []string{"-target=tenant.acme", "-var", "mode=" + mode}), false)
	}
	c := f.flock["file"]
	wrong, _ := json.Marshal(map[string]any{"number": c.Plain, "choice": c.Meta, "pattern": c.Short, "strict": map[string]any{"known": c.Multi, "more": c.Plain}})
	f.failing(slices.Concat(to, []string{"-var", "more=" + string(wrong)}), false)
	f.failing(slices.Concat(to, []string{"-var", "system_mode=fail"}), false)
	f.failing(slices.Concat(to, []string{"-var", "system_number=" + c.Plain}), false)
}

// applyFails has steps of a run fail where the cluster quotes values.
func (f *canaryFleet) applyFails(to []string) {
	f.t.Helper()
	f.failing(slices.Concat(to, []string{"-target=system", "-var", "system_mode=migration-fails"}), true)
	f.run(good, slices.Concat([]string{"apply", "-auto-approve", "-target=system", "-var", "system_mode=migration"}, to)...)
	for _, mode := range []string{"unknown-kind", "label", "wrong-type", "quantity", "port", "key", "admission", "crash", "hook"} {
		f.failing(slices.Concat(to, []string{"-target=tenant.acme", "-var", "mode=" + mode}), true)
	}
}

// failing plans and applies what fails, if only once it is applied.
func (f *canaryFleet) failing(options []string, late bool) {
	f.t.Helper()
	plan := bad
	if late {
		plan = good
	}
	f.run(plan, slices.Concat([]string{"plan", "-format=markdown"}, options)...)
	if late {
		plan = either // some of it is refused by a dry run
	}
	f.run(plan, slices.Concat([]string{"plan", "-refresh=live", "-json", "-json-into=plan.json"}, options)...)
	f.run(bad, slices.Concat([]string{"apply", "-auto-approve"}, options)...)
	f.run(bad, slices.Concat([]string{"apply", "-auto-approve", "-json"}, options)...)
}

// wrongInput has mistakes in what the configuration is made of.
func (f *canaryFleet) wrongInput(to []string) {
	f.t.Helper()
	c := f.flock["file"]
	wrong := func(what string, options ...string) {
		f.t.Helper()
		for _, command := range [][]string{{"validate"}, {"validate", "-json"}, {"plan", "-json"}} {
			f.run(bad, append(command, options...)...)
		}
	}
	wrong("a value that does not parse", "-var", "var={ plain = "+c.Plain)
	wrong("a value of another type", "-var", "var="+f.flock["var"].Plain)
	wrong("a variable that there is not", "-var", "none="+c.Plain)
	for name, text := range map[string]string{
		"values.yaml":     "sources: {file: [" + c.Plain + "\n" + c.Multi,
		"values.tpl":      "sources: [${jsonencode(secret)}",
		"secret.vars.hcl": "varfile = {\n  plain = \"" + c.Plain + "\"\n  meta = " + c.Plain + "\n short = [\"" + c.Short + "\", }\n",
		"more.hcl":        "locals {\n  more = { plain = \"" + c.Plain + "\", wrong = upper(1, 2) }\n}\n",
		"broken.hcl":      "locals {\n  more = { plain = \"" + c.Plain + "\" \"" + c.Short + "\" }\n}\n",
		"check.hcl": "variable \"checked\" {\n  sensitive = true\n  default = \"" + c.Plain + "\"\n" +
			"  validation {\n    condition = length(var.checked) == 1\n    error_message = \"it is wrong\"\n  }\n}\n",
		"tenant.hcl": "tenant \"" + "x\" {\n  values = [{ plain = \"" + c.Plain + "\" }, 5]\n}\n",
		"set.hcl":    "tenant \"" + "x\" {\n  set = { \"a.b\" = \"{" + c.Plain + ",\" }\n}\n",
	} {
		before, err := os.ReadFile(filepath.Join(f.dir, name))
		f.write(name, text)
		wrong(name)
		if err != nil {
			err = os.Remove(filepath.Join(f.dir, name))
		} else {
			f.write(name, string(before))
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	f.env = append(f.env, "SOCTALK_VAR_env={ plain = "+f.flock["env"].Plain)
	wrong("environment")
	f.env = f.env[:len(f.env)-1]

	for _, host := range []string{"127.0.0.1:1", "nobody.data.svc"} {
		dsn := "postgres://user:" + f.flock["dsn"].Plain + "@" + host + "/db?sslmode=" + f.flock["dsn"].Short
		f.configure("database {\n    dsn = "+quoteHCL(dsn)+"\n  }", `values_from = "release"`)
		f.run(either, slices.Concat([]string{"plan"}, to)...)
		f.run(either, slices.Concat([]string{"plan", "-json"}, to)...)
	}
}

// find returns what there is of the canaries in a text, in whatever coding.
func (f flock) find(text string) []string {
	var leaks []string
	for _, n := range f.needles() {
		if i := strings.Index(text, n.text); i >= 0 {
			from, to := max(0, i-100), min(len(text), i+len(n.text)+60)
			leaks = append(leaks, fmt.Sprintf("%s: …%s…", n.name, text[from:to]))
		}
	}
	if flat := squashed(text); len(leaks) == 0 && strings.Contains(flat, squashed(song)) {
		i := strings.Index(flat, squashed(song))
		leaks = append(leaks, "the song cut into pieces: …"+flat[max(0, i-60):min(len(flat), i+60)]+"…")
	}
	return leaks
}

func (f flock) yaml(sources ...string) string {
	all := map[string]any{}
	for _, s := range sources {
		all[s] = f[s]
	}
	text, _ := json.Marshal(map[string]any{"sources": all}) // JSON is YAML
	return string(text)
}
