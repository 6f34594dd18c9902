# One system and one tenant. The name keeps fleets apart that share a cluster.

variable "name" { type = string }
variable "registry" { type = string }
variable "kubeconfig" { type = string }
variable "system_version" { type = string }
variable "tenant_version" { type = string }

variable "admin_password" {
  type      = string
  sensitive = true
}

cluster "real" {
  kubeconfig = var.kubeconfig
}

compatibility {
  matrix = file("compatibility.yaml")
}

system {
  namespace = var.name
  release   = var.name
  chart     = "oci://${var.registry}/soctalk/charts/soctalk-system"
  version   = var.system_version
  timeout   = "4m"
  values = [
    file("system-values.yaml"),
    { bootstrapAdmin = { email = "admin@example.com", password = var.admin_password } },
    file("more-values.yaml"),
  ]
}

tenant "only" {
  slug    = var.name
  chart   = "oci://${var.registry}/soctalk/charts/soctalk-tenant"
  version = var.tenant_version
  timeout = "2m"
  values  = [file("tenant-values.yaml")]
}

rollout {
  settle = "100ms"
}
