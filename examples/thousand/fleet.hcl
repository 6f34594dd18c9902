# A thousand tenants from one YAML file: who a tenant is stands in
# tenants.yaml, what all have in common stands here.

variable "target" {
  type    = string
  default = "0.2.1"
}

locals {
  registry = "oci://ghcr.io/soctalk/charts"
}

system {
  chart   = "${local.registry}/soctalk-system"
  version = var.target
}

tenant_defaults {
  chart   = "${local.registry}/soctalk-tenant"
  version = var.target
}

tenant "fleet" {
  for_each = yamldecode(file("tenants.yaml"))
  labels   = { tier = each.value.tier, region = each.value.region }
  values   = [file("common.yaml"), { tenant = { name = each.value.name }, quota = { cpu = each.value.cpu } }]
}

rollout {
  max_parallel = 20
  max_failures = "1%"

  wave "internal" {
    match = { tier = "internal" }
    soak  = "1h"
  }

  wave "tenth" {
    percent = 10
    soak    = "30m"
  }

  wave "rest" {
    approve = true
  }
}
