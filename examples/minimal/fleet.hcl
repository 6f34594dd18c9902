# The least that makes a fleet: the system, and one tenant.

system {
  chart   = "oci://ghcr.io/soctalk/charts/soctalk-system"
  version = "0.2.1"
}

tenant "acme" {
  chart   = "oci://ghcr.io/soctalk/charts/soctalk-tenant"
  version = "0.2.1"
}
