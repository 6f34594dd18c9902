# One system and as many tenants as tenants.yaml has, one version up.

locals {
  registry     = "oci://{{.Registry}}/{{.Repository}}"
  tenant_chart = "${local.registry}/soctalk-tenant"
}

registry "{{.Registry}}" {
  plain_http = true
}

compatibility {
  matrix = file("compatibility.yaml")
}

system {
  chart   = "${local.registry}/soctalk-system"
  version = "{{.To}}"
  values  = [file("system.yaml")]
  set     = { "tenantProvisioning.tenantChartVersion" = "{{.To}}" }
}

tenant_defaults {
  chart   = local.tenant_chart
  version = "{{.To}}"
}

tenant "fleet" {
  for_each = yamldecode(file("tenants.yaml"))
  labels   = each.value.labels
  values   = [file("common.yaml"), each.value.values]
}

rollout {
  max_parallel = 20
  settle       = "0s"

  wave "internal" {
    match = { tier = "internal" }
  }

  wave "tenth" {
    percent = 10
  }
}
