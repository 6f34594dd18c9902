# A SocTalk installation with five tenants. With
#   -var system_version=0.1.4 -var tenant_version=0.1.9
# the same files describe the fleet as it was before the upgrade.

variable "system_version" {
  type        = string
  default     = "0.2.1"
  description = "Version of soctalk-system."
}

variable "tenant_version" {
  type        = string
  default     = "0.2.1"
  description = "Version of soctalk-tenant, for every tenant."
}

variable "llm_api_key" {
  type        = string
  sensitive   = true
  description = "Key of the language model."
}

variable "admin_password" {
  type        = string
  sensitive   = true
  description = "Password of the first administrator."
}

locals {
  charts       = "oci://${var.registry}/soctalk/charts"
  tenant_chart = "${local.charts}/soctalk-tenant"

  installation = {
    msspId    = "6f9d2a1c-4a7e-4c53-9d0f-2b8c1e5f7a30"
    installId = "b1c7e4d2-83f5-4e19-a6b0-5d9f3c2e8a41"
  }
}

compatibility {
  matrix = file("compatibility.yaml")
}

system {
  chart   = "${local.charts}/soctalk-system"
  version = var.system_version
  timeout = "5m"

  values = [
    file("system-values.yaml"),
    {
      install = merge(local.installation, { installLabel = "demo" })

      # SocTalk's own controller brings tenants back to this chart at any edit of their settings,
      # so it has to be the one that this fleet wants.
      tenantProvisioning = {
        tenantChartRef     = local.tenant_chart
        tenantChartVersion = var.tenant_version
      }

      llm            = { apiKey = var.llm_api_key }
      bootstrapAdmin = { password = var.admin_password }
    },
  ]
}

tenant_defaults {
  chart   = local.tenant_chart
  version = var.tenant_version
  timeout = "5m"
}

tenant "acme" {
  labels = { tier = "internal" }
  values = [{ tenant = local.installation }, file("tenants/acme.yaml")]
}

tenant "fleet" {
  for_each = yamldecode(file("tenants.yaml"))
  labels   = each.value.labels
  values   = [{ tenant = local.installation }, each.value.values]
}

rollout {
  max_parallel = 2
  settle       = "1s"

  wave "canary" {
    tenants = ["acme"]
  }
}
