variable "id" { type = string }
variable "registry" { type = string }
variable "system" { default = "0.2.1" }
variable "tenant" { default = "0.2.1" }

compatibility {
  matrix = file("compatibility.yaml")
}

locals {
  charts = "oci://${var.registry}/soctalk/charts"
  small  = { profile = "provided", components = { wazuh = { enabled = false }, linuxep = { enabled = false } } }
}

system {
  release   = "sys-${var.id}"
  namespace = "sys-${var.id}"
  chart     = "${local.charts}/soctalk-system"
  version   = var.system
  timeout   = "90s"
  values    = [file("system.yaml"), { llm = { apiKey = "sk-${var.id}" } }]
}

tenant_defaults {
  chart   = "${local.charts}/soctalk-tenant"
  version = var.tenant
  timeout = "60s"
}

tenant "acme" {
  slug   = "acme-${var.id}"
  labels = { wave = "canary" }
  values = [local.small]
}

tenant "more" {
  for_each = toset(["beta", "gamma", "delta"])
  slug     = "${each.key}-${var.id}"
  labels   = { wave = each.key == "delta" ? "rest" : "early" }
  # From the upgrade on, one of them does not become ready.
  values   = [local.small, each.key == "beta" ? file("beta.yaml") : "{}"]
}

rollout {
  max_parallel = 2
  max_failures = 1
  on_failure   = "rollback"
  settle       = "100ms"

  wave "canary" { match = { wave = "canary" } }
  wave "early" { match = { wave = "early" } }
}
