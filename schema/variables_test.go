package schema

import (
	"slices"
	"strings"
	"testing"
)

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const files = `
-- main.hcl --
variable "a" {
  default = "default"
}
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  values  = [{ a = var.a }]
}
-- given.vars.hcl --
a = "given"
-- other.vars.hcl --
a = "other"
`
	const auto = "-- soctalk.vars.hcl --\na = \"soctalk\"\n"
	const autoB = "-- b.auto.vars.hcl --\na = \"b\"\n-- a.auto.vars.hcl --\na = \"a\"\n"
	const autoJSON = "-- c.auto.vars.hcl.json --\n{\"a\": \"c\"}\n"
	env := []string{"SOCTALK_VAR_a=env", "SOCTALK_VAR_unknown=x", "PATH=/bin"}
	for _, c := range []struct {
		name, files, want string
		o                 Options
	}{
		{"default", files, "default", Options{}},
		{"environment", files, "env", Options{Env: env}},
		{"soctalk.vars.hcl", files + auto, "soctalk", Options{Env: env}},
		{"auto, by name", files + auto + autoB, "b", Options{Env: env}},
		{"auto in JSON", files + auto + autoB + autoJSON, "c", Options{Env: env}},
		{"file", files + auto + autoB, "given", Options{Env: env, VarFiles: []string{"given.vars.hcl"}}},
		{"last file", files, "other", Options{VarFiles: []string{"given.vars.hcl", "other.vars.hcl"}}},
		{"pair", files + autoB, "pair", Options{VarFiles: []string{"given.vars.hcl"}, Vars: []string{"a=pair"}}},
		{"pair before file", files, "given", Options{VarFiles: []string{"given.vars.hcl"}, Vars: []string{"a=pair"}, Order: "vf"}},
		{"last pair, with = in it", files, "x=y", Options{Vars: []string{"a=pair", "a=x=y"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := load(t, c.files, c.o)
			if got := f.System.Values["a"]; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestVariableTypes(t *testing.T) {
	t.Parallel()
	const files = `
variable "list" { type = list(string) }
variable "object" {
  type = object({ a = string, b = optional(number, 7) })
}
variable "number" { type = number }
variable "text" {}
variable "nullable" {
  default  = "fallback"
  nullable = false
}
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  values  = [{ list = var.list, object = var.object, number = var.number, text = var.text, nullable = var.nullable }]
}
-- null.vars.hcl --
nullable = null
`
	f := load(t, "-- main.hcl --\n"+files, Options{Vars: []string{`list=["x", "y"]`, `object={a = "z"}`, "number=3", "text=[1]"}, VarFiles: []string{"null.vars.hcl"}})
	v := f.System.Values
	if o := v["object"].(map[string]any); o["a"] != "z" || o["b"] != int64(7) {
		t.Error(o)
	}
	if v["text"] != "[1]" || v["number"] != int64(3) || v["nullable"] != "fallback" || len(v["list"].([]any)) != 2 {
		t.Error(v)
	}
	got := mistakes(t, "-- main.hcl --\n"+files, Options{Vars: []string{"list=x y", "object={}", "number=three", "txet=1"}, VarFiles: []string{"missing.vars.hcl"}})
	has(t, got,
		`The value of var.list, from the command line (-var list=…), must be an expression of type list(string)`,
		`The value of var.object, from the command line (-var object=…), does not fit: attribute "a" is required`,
		`The value of var.number, from the command line (-var number=…), does not fit: a number is required`,
		`A variable named "txet" was set with -var, but the configuration does not declare it. Did you mean "text"?`,
		`The variable "text" has no default and was not set. Set it with -var text=VALUE`,
		`Cannot read missing.vars.hcl: no such file.`)
}

func TestValidation(t *testing.T) {
	t.Parallel()
	const text = base + `
variable "n" {
  type = number
  validation {
    condition     = var.n > local.least
    error_message = "Must be more than ${local.least}, not ${var.n}."
  }
  validation {
    condition     = var.other == 1
    error_message = "x"
  }
}
variable "other" { default = 1 }
locals { least = 2 }
`
	has(t, mistakes(t, text, Options{Vars: []string{"n=1"}}),
		"Invalid value for variable var.n; Must be more than 2, not 1.",
		"The condition must refer to var.n")
}

func TestLocals(t *testing.T) {
	t.Parallel()
	f := load(t, `
-- a.hcl --
locals {
  b = "${local.c}!"
}
-- b.hcl --
locals {
  c = upper(var.x)
}
variable "x" { default = "q" }
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  values  = [{ v = local.b }]
}`, Options{})
	if f.System.Values["v"] != "Q!" {
		t.Error(f.System.Values)
	}
	has(t, mistakes(t, base+"locals {\n  a = local.b\n  b = local.c\n  c = [for x in [1] : local.a]\n  d = local.d\n}\n", Options{}),
		"Cycle in local values", "local.a → local.b → local.c → local.a", "local.d → local.d")
}

func TestCycleInSelf(t *testing.T) {
	t.Parallel()
	has(t, mistakes(t, base+"tenant \"round\" {\n  version = \"0.2.1\"\n  chart = \"oci://h/t\"\n  namespace = \"x-${self.release}\"\n  release = \"y-${self.namespace}\"\n}\n", Options{}),
		"Cycle in self", "self.namespace → self.release → self.namespace")
}

func TestSensitive(t *testing.T) {
	t.Parallel()
	const canary = "CANARY-7f3a9"
	const files = `
-- main.hcl --
variable "pw" { sensitive = true }
variable "nested" {
  sensitive = true
  default   = { inner = ["CANARY-nested", 123456789] }
}
locals {
  derived = upper("x-${var.pw}")
  once    = sensitive("CANARY-function")
}
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  values = [
    { plain = "public", url = "https://u:${var.pw}@h", deep = { list = [var.pw] } },
    templatefile("v.tpl", { pw = var.pw, name = "visible" }),
    { d = local.derived, n = var.nested, o = local.once },
  ]
  set = { "a" = "set-${var.pw}" }
}
-- v.tpl --
password: ${base64encode(reverse(split("", pw))[0])}${pw}
kind: ClusterIP
name: ${name}
`
	f := load(t, files, Options{Vars: []string{"pw=" + canary}})
	for _, want := range []string{canary, "https://u:" + canary + "@h", "X-" + canary[:0] + strings.ToUpper(canary), "CANARY-nested", "123456789", "CANARY-function", "set-" + canary} {
		if !slices.ContainsFunc(f.Sensitive, func(s string) bool { return s == want || strings.Contains(want, s) }) {
			t.Errorf("%q is not among the secrets", want)
		}
	}
	for _, never := range []string{"ClusterIP", "public", "0.2.1", "soctalk-system"} {
		if slices.Contains(f.Sensitive, never) {
			t.Errorf("%q is no secret", never)
		}
	}
	if !slices.IsSortedFunc(f.Sensitive, func(a, b string) int { return len(b) - len(a) }) {
		t.Error("not the longest first")
	}

	refused := map[string]string{
		"namespace": base + "variable \"s\" {\n  default   = \"abcd\"\n  sensitive = true\n}\ntenant \"t\" {\n  chart = \"oci://h/t\"\n  version = \"0.2.1\"\n  namespace = var.s\n}",
		"version":   strings.Replace(base, `"0.2.1"`, `sensitive("0.2.1")`, 1),
		"for_each":  base + "tenant \"t\" {\n  for_each = sensitive({a = 1})\n  chart = \"oci://h/t\"\n  version = \"0.2.1\"\n}",
		"a key":     base + "tenant \"t\" {\n  for_each = toset([sensitive(\"abcd\")])\n  chart = \"oci://h/t\"\n  version = \"0.2.1\"\n}",
		"labels":    base + acme + "tenant_defaults {\n  labels = { a = sensitive(\"abcd\") }\n}",
	}
	for name, text := range refused {
		if got := mistakes(t, text, Options{}); !strings.Contains(strings.ToLower(got), "sensitive") || !strings.Contains(got, "error:") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestNoSecretInMessages puts a canary into every kind of failing expression.
func TestNoSecretInMessages(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		`parseint(var.pw, 10)`, `regex("[", var.pw)`, `regex("a(", var.pw)`, `tonumber(var.pw)`, `jsondecode(var.pw)`, `yamldecode("{${var.pw}")`,
		`yamldecode("{${var.pw}: 1, ${var.pw}: 2}")`, `jsondecode("{\"${var.pw}\": 1, \"${var.pw}\": 2}")`,
		`file(var.pw)`, `templatefile(var.pw, {})`, `base64decode(var.pw)`, `formatdate(var.pw, "2020-01-01T00:00:00Z")`, `timeadd(var.pw, "1h")`,
		`lookup({ a = 1 }, var.pw)`, `{ a = 1 }[var.pw]`, `[1][var.pw]`, `semver_parse(var.pw)`, `csvdecode("${var.pw}\n\"")`,
		`index(["a"], var.pw)`, `var.pw + 1`, `var.pw ? 1 : 2`, `[for x in var.pw : x]`, `merge(var.pw, {})`, `format("%d", var.pw)`, `one([var.pw, 1])`,
		`{ a = var.pw }.b`, `{ for x in [1, 2] : strrev(var.pw) => x }`, `zipmap(var.pw, [1])`, `substr(var.pw, "x", 1)`, `tobool(var.pw)`, `element([], var.pw)`,
		`fileexists("${var.pw}/\u0000")`, `replace("a", "/(${var.pw}/", "")`,
	} {
		got := mistakes(t, `
variable "pw" { sensitive = true }
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  values  = [{ v = `+expr+` }]
}`, Options{Vars: []string{"pw=canary7f3a9"}})
		if !strings.Contains(got, "error:") {
			t.Errorf("%s: no error", expr)
		}
		if strings.Contains(got, "canary7f3a9") || strings.Contains(got, "9a3f7yranac") {
			t.Errorf("%s: %s", expr, got)
		}
	}
}

// TestOneMistakeOneMessage expects no echoes of a value that is missing.
func TestOneMistakeOneMessage(t *testing.T) {
	t.Parallel()
	_, diags := Load(folder(t, base+`
variable "missing" {}
locals { derived = "${var.missing}-x" }
tenant "f" {
  for_each = var.missing
  chart    = "oci://h/t"
  version  = local.derived
  labels   = { a = each.value.tier }
  values   = [each.value, local.derived]
}
check "c" {
  http { url = "https://${local.derived}/${self.slug}" }
}
rollout {
  wave "w" {
    match  = { a = local.derived }
    checks = [check.c]
  }
}
`), Options{})
	if len(diags) != 1 {
		t.Error(messages(diags))
	}
}

// TestUnused expects a variable's own validation not to count as a use.
func TestUnused(t *testing.T) {
	t.Parallel()
	has(t, mistakes(t, base+`
variable "v" {
  default = 1
  validation {
    condition     = var.v > 0
    error_message = "Must be positive."
  }
}`, Options{}), "warning: main.hcl", "Nothing uses var.v.")
}

// TestUndeclared expects the same warning of every file with values.
func TestUndeclared(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"soctalk.vars.hcl", "soctalk.vars.hcl.json", "a.auto.vars.hcl", "a.auto.vars.hcl.json", "given.vars.hcl"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := "targt = \"0.2.1\"\n"
			if strings.HasSuffix(name, ".json") {
				value = `{"targt": "0.2.1"}` + "\n"
			}
			o := Options{Env: []string{"SOCTALK_VAR_other=x"}}
			if name == "given.vars.hcl" {
				o.VarFiles = []string{name}
			}
			got := mistakes(t, "-- main.hcl --\nvariable \"target\" { default = \"0.2.1\" }\nsystem {\n  chart = \"oci://h/s\"\n  version = var.target\n}\n-- "+name+" --\n"+value, o)
			if strings.Count(got, "\n") != 1 {
				t.Error(got)
			}
			has(t, got, "warning: "+name, `Value for undeclared variable; The configuration declares no variable named "targt". Did you mean "target"?`)
		})
	}
}
