variable "target" {
  type        = string
  description = "The version that system and tenants should run."

  validation {
    condition     = can(semver_parse(var.target))
    error_message = "The target must be a version, such as 0.2.1."
  }
}

variable "database_dsn" {
  type        = string
  description = "Connection string of the system database, for checks and dumps."
  sensitive   = true
}

variable "regions" {
  type = map(object({
    domain  = string
    replica = optional(number, 1)
  }))
  nullable = false
}

locals {
  registry = "oci://ghcr.io/soctalk/charts"
  images   = { image = { tag = var.target } }
  tenants  = yamldecode(file("tenants.yaml"))
}
