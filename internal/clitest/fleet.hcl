variable "id" { type = string }
variable "registry" { type = string }
variable "system" { default = "0.2.1" }
variable "tenant" { default = "0.2.1" }
variable "key" {
  default   = "sk-c4n4ry-4f1c9e7ab2d850"
  sensitive = true
}

compatibility {
  matrix = file("compatibility.yaml")
}

system {
  release   = "sys-${var.id}"
  namespace = "sys-${var.id}"
  chart     = "oci://${var.registry}/soctalk/charts/soctalk-system"
  version   = var.system
  timeout   = "10m"
  values    = [file("system.yaml"), { llm = { apiKey = var.key } }, file("more-system.yaml")]
}

tenant_defaults {
  chart   = "oci://${var.registry}/soctalk/charts/soctalk-tenant"
  version = var.tenant
  timeout = "10m"
}

tenant "acme" {
  slug   = "acme-${var.id}"
  values = [{ profile = "provided", components = { wazuh = { enabled = false }, linuxep = { enabled = false } } }]
}

tenant "more" {
  for_each = toset(["beta", "gamma"])
  slug     = "${each.key}-${var.id}"
  values = [
    { profile = "provided", components = { wazuh = { enabled = false }, linuxep = { enabled = false } } },
    each.key == "beta" ? file("more-beta.yaml") : "{}",
  ]
}

rollout {
  settle = "100ms"
  wave "canary" {
    tenants = ["acme-${var.id}"]
  }
}
