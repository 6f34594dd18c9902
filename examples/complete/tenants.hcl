tenant_defaults {
  cluster = cluster.mssp
  chart   = "${local.registry}/soctalk-tenant"
  version = var.target
  timeout = "15m"
  window  = window.low_traffic

  snapshot "volumes" {
    driver = "csi"
    class  = "csi-hostpath"
    when   = "breaking"
  }

  precondition {
    condition     = can(regex("^[a-z]", self.slug))
    error_message = "Slugs begin with a letter."
  }
}

tenant "acme" {
  slug        = "acme"
  namespace   = "tenant-acme"
  release     = "tenant-acme"
  labels      = { tier = "gold" }
  values      = [file("tenants/acme.yaml"), local.images]
  values_from = "release"
  set         = { "llm.provider" = "anthropic" }

  companion "wazuh" {
    release = "wazuh-acme"
    chart   = "${local.registry}/wazuh"
    version = "0.2.1"
    order   = "before"
    values  = [{ host = "wazuh-${self.slug}" }]

    snapshot "volumes" {
      driver = "csi"
      class  = "csi-hostpath"
      when   = "always"
    }
  }
}

# The customer's own cluster, with a chart from a repository.
tenant "initech" {
  cluster    = cluster.customer
  chart      = "https://charts.example.org/soctalk"
  chart_name = "soctalk-tenant"
  labels     = { tier = "internal" }

  snapshot "volumes" {
    driver = "velero"
  }
}

tenant "fleet" {
  for_each = local.tenants
  version  = try(each.value.version, var.target)
  labels   = each.value.labels
  values = [
    templatefile("tenants/common.yaml.tpl", { name = each.key, region = var.regions[each.value.region] }),
    each.value.values,
  ]
}

removed {
  from    = tenant.beta
  destroy = true
}

removed {
  from    = "left-us"
  destroy = false
}

moved {
  from = tenant.globex
  to   = tenant.fleet["globex"]
}

window "low_traffic" {
  days     = ["sat", "sun"]
  start    = "01:00"
  duration = "4h"
  timezone = "Europe/Madrid"
}
