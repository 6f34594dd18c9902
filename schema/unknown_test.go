package schema

import (
	"strings"
	"testing"
)

// TestNoEchoes expects of one mistake one message: what depends on it is not
// known, and so is not complained about.
func TestNoEchoes(t *testing.T) {
	t.Parallel()
	const rest = `
tenant "acme" {
  chart   = "oci://h/t"
  version = "0.2.1"
}
`
	for name, c := range map[string]struct {
		errors int
		text   string
	}{
		"a tenant that a wave names": {1, base + `
variable "slug" {}
tenant "x" {
  slug    = var.slug
  chart   = "oci://h/t"
  version = "0.2.1"
}
rollout {
  wave "w" { tenants = ["acme", "other"] }
}` + rest},
		"a version": {1, base + `
tenant "x" {
  chart   = "oci://h/t"
  version = "0.2"
}
rollout {
  wave "w" { tenants = ["x"] }
}` + rest},
		"what something moved to": {2, base + `
variable "tenants" {}
tenant "f" {
  for_each = var.tenants
  chart    = "oci://h/t"
  version  = "0.2.1"
}
moved {
  from = tenant.x
  to   = tenant.f["x"]
}
moved {
  from = tenant.y
  to   = tenant.z
}
tenant "z" {
  chart   = "oci://h/t"
  version = "none"
}
`},
		"a circle in self": {1, base + `
tenant "x" {
  chart     = "oci://h/t"
  version   = "0.2.1"
  namespace = "${self.release}-Upper"
  release   = "${self.namespace}_"
  labels    = { of = self.release }
  precondition {
    condition     = self.labels.of == "x"
    error_message = "No."
  }
}`},
		"a name in self": {1, base + `
tenant "x" {
  chart     = "oci://h/t"
  version   = "0.2.1"
  namespace = local.none
  release   = "${self.namespace}-${strrev(self.namespace)}"
  precondition {
    condition     = self.namespace == "mine"
    error_message = "No."
  }
}
tenant "y" {
  chart     = "oci://h/t"
  version   = "0.2.1"
  namespace = "tenant-x"
}`},
		"names of the system": {2, strings.Replace(base, "version =", "namespace = local.none\n  release = self.namespace\n  api {\n    url = local.none\n    login_secret { name = \"n\" }\n  }\n  precondition {\n    condition = self.namespace == self.release\n    error_message = \"No.\"\n  }\n  version =", 1) + rest},
		"a type": {2, base + `
variable "v" { type = strin }
variable "w" {
  type    = lst(string)
  default = ["a"]
  validation {
    condition     = contains(var.w, "b")
    error_message = "No."
  }
}
locals { a = { for v in var.w : v => var.v } }`},
		"labels": {1, base + `
tenant "x" {
  chart   = "oci://h/t"
  version = "0.2.1"
  labels  = { tier = local.none }
}
check "c" {
  http { service = self.labels.tier }
}
rollout {
  wave "w" {
    match  = { tier = "gold" }
    checks = [check.c]
  }
}`},
		"a store": {1, strings.Replace(base, "version =", "on_failure = \"restore\"\n  snapshot \"s\" {\n    driver = local.none\n  }\n  version =", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mistakes(t, c.text, Options{})
			if strings.Count(got, "error:") != c.errors || strings.Contains(got, "warning:") {
				t.Error(got)
			}
		})
	}
}

// everywhere uses a variable in every kind of attribute.
const everywhere = `
variable "text" {}
variable "typed" { type = string }
variable "number" { type = number }
variable "flag" { type = bool }
variable "list" { type = list(string) }
variable "map" { type = map(string) }
variable "object" { type = object({ slug = string, tier = optional(string) }) }
variable "secret" { sensitive = true }
variable "checked" {
  type = string
  validation {
    condition     = length(var.checked) > 3
    error_message = "Too short."
  }
}
locals {
  each = { for s in var.list : s => { tier = var.map[s] } }
  some = var.flag ? "a" : var.checked
}
cluster "one" {
  kubeconfig = var.text
  context    = var.typed
  qps        = var.number
  burst      = var.number
}
registry "h" {
  plain_http = var.flag
  ca_file    = var.text
}
prerequisite "p" { crd = var.typed }
prerequisite "q" {
  crd        = var.text
  kubernetes = ">=1.20"
}
prerequisite "r" { any_crd = var.list }
compatibility {
  matrix   = var.typed
  unlisted = var.text
  rule {
    system = var.typed
    tenant = ">=0.1.0"
    status = "supported"
  }
  rule {
    system = ">=0.1.0"
    tenant = ">=0.1.0"
    status = var.text
  }
  rule {
    system = ">=0.1.0"
    tenant = ">=0.1.0"
    status = "blocked"
  }
  stop {
    component = "tenant"
    version   = "99.0.0"
  }
  stop {
    component = var.typed
    version   = var.text
  }
}
release "0.2.1" {
  component       = var.text
  schema_revision = var.typed
  breaking        = var.list
}
release "0.2.0" {
  component = "tenant"
  breaking  = ["it is"]
}
system {
  chart      = var.text
  version    = var.text
  namespace  = var.text
  release    = var.text
  timeout    = var.text
  accept     = var.list
  on_failure = "restore"
  values     = [var.text, { a = var.object, s = var.secret }, yamldecode(var.text), templatefile("t.tpl", { x = var.text })]
  set        = var.map
  migration {
    mode     = var.text
    template = "x.yaml"
    timeout  = var.text
  }
  database {
    dsn = var.secret
    dsn_secret {
      name = "n"
      key  = "k"
    }
  }
  api {
    url = var.text
    login_secret { name = var.text }
  }
  snapshot "a" { driver = var.text }
  snapshot "b" {
    driver     = "command"
    argv       = var.list
    keep       = var.number
    when       = var.text
    store      = var.text
    recipients = var.list
  }
  precondition {
    condition     = self.version == self.release && var.flag
    error_message = "No."
  }
}
tenant_defaults {
  chart   = var.text
  version = var.text
  window  = window.w
}
tenant "unknown" {
  for_each = local.each
  labels   = { tier = each.value.tier }
  precondition {
    condition     = each.key != "" && self.slug != "x"
    error_message = var.text
  }
}
tenant "known" {
  for_each  = { a = var.object, b = var.map, c = var.text }
  slug      = try(each.value.slug, null)
  namespace = var.text
  release   = try(each.value.release, "x-${each.key}")
  labels    = var.map
}
tenant "same-one" {
  version   = "0.2.0"
  namespace = var.text
  window    = var.flag ? window.w : null
  values    = var.list
  companion "c" {
    chart   = "oci://h/c"
    version = "1.0.0"
    release = "same"
    enabled = var.flag
  }
  companion "d" {
    chart   = "oci://h/c"
    version = "1.0.0"
    release = "same"
    enabled = !var.flag
  }
}
tenant "same-two" {
  version   = "0.2.0"
  chart     = "oci://h/t"
  namespace = var.typed
  cluster   = var.flag ? cluster.one : null
}
tenant "slug" {
  slug    = var.text
  version = "0.2.0"
  timeout = var.text
}
removed {
  from       = "gone"
  destroy    = var.flag
  namespace  = var.text
  companions = var.list
}
moved {
  from = tenant.was
  to   = tenant.unknown["x"]
}
window "w" {
  days     = var.list
  start    = var.text
  duration = var.text
  timezone = var.text
}
window "spare" {
  start    = "01:00"
  duration = "1h"
}
check "http" {
  on       = var.text
  interval = "10m"
  timeout  = var.text
  http {
    service  = "${self.namespace}-x"
    url      = var.text
    jsonpath = var.text
    equals   = var.text
  }
}
check "dynamic" {
  http {
    url  = "https://${self.namespace}/${self.labels.tier}/${self.slug}/${var.text}"
  }
}
check "sql" {
  sql {
    query  = "select '${self.namespace}' = '${var.text}'"
    equals = var.text
  }
}
check "prometheus" {
  prometheus {
    address = var.text
    query   = var.text
    min     = var.number
    equals  = null
  }
}
check "job" {
  job { manifest = var.text }
}
check "command" {
  command { argv = var.list }
}
check "builtin" { builtin = var.text }
rollout {
  max_parallel = var.number
  max_failures = var.text
  on_failure   = var.text
  settle       = var.text
  wave "named" {
    tenants = ["known-one", "x"]
    checks  = var.flag ? [check.http] : [check.dynamic]
  }
  wave "listed" {
    tenants      = var.list
    max_parallel = 3
  }
  wave "matched" { match = { tier = var.text } }
  wave "share" {
    percent = var.number
    soak    = var.text
    approve = var.flag
  }
  wave "rest" { percent = try(var.object.percent, var.number, null) }
}
`

// TestUnset holds that a variable without a value is the cause of no complaint
// where it may be without.
func TestUnset(t *testing.T) {
	t.Parallel()
	f, diags := Load(folder(t, "-- main.hcl --"+everywhere+"-- t.tpl --\n${x}\n"), Options{AllowUnset: true})
	if len(diags) > 0 {
		t.Error(messages(diags))
	}
	if got := strings.Join(f.Unset, " "); got != "checked flag list map number object secret text typed" {
		t.Error(got)
	}
	_, diags = Load(folder(t, "-- main.hcl --"+everywhere+"-- t.tpl --\n${x}\n"), Options{})
	if len(diags) != 9 {
		t.Errorf("a plan needs nine values: %s", messages(diags))
	}
}

// TestUnsetHidesNothingElse holds that mistakes beside it are found.
func TestUnsetHidesNothingElse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`tenant "x" {
  for_each = var.tenants
  chart    = "oci://h/t"
  version  = "0.2"
}`: "Invalid version",
		`tenant "x" {
  chart     = "oci://h/t"
  version   = var.version
  namespace = "Upper"
}`: "Invalid namespace",
		`tenant "x" {
  chart     = "oci://h/t"
  version   = "0.2.1"
  values    = [var.tenants]
  timeout   = "soon"
}`: "Invalid duration",
		`tenant "x" {
  for_each = var.tenants
  chart    = "oci://h/t"
  version  = each.valu.version
}`: `Invalid "each" attribute`,
		`moved {
  from = tenant.a
  to   = tenant.b
}`: "Moved to nowhere",
		`rollout {
  wave "w" { tenants = ["nobody"] }
}`: "Unknown tenant in wave",
		`locals { n = parseint("x", 10) + var.version }`: "Invalid function argument",
	} {
		got := mistakes(t, base+"variable \"tenants\" {}\nvariable \"version\" {}\nlocals { used = [var.tenants, var.version] }\n"+text, Options{AllowUnset: true})
		if !strings.Contains(got, want) || strings.Count(got, "error:") != 1 {
			t.Errorf("%s: %s", want, got)
		}
	}
}

// TestUnsetInEveryFunction holds that no function takes a value that is not
// known for one that is wrong, nor ends the program.
func TestUnsetInEveryFunction(t *testing.T) {
	t.Parallel()
	for name, f := range (&loader{sources: newSources("."), secrets: newSecrets()}).functions() {
		if name == "templatefile" || name == "fileset" {
			continue // tried above
		}
		args := make([]string, len(f.Params()), len(f.Params())+2)
		for i := range args {
			args[i] = "var.u"
		}
		if f.VarParam() != nil {
			args = append(args, "var.u", "var.u")
		}
		got := mistakes(t, `
variable "u" {}
locals { a = `+name+`(`+strings.Join(args, ", ")+`) }
system {
  chart   = "oci://h/s"
  version = "0.2.1"
  values  = [{ v = local.a }]
}`, Options{AllowUnset: true})
		if got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
