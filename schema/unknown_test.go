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
