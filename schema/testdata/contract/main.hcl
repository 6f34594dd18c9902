soctalk {
  required_version = ">= 0.1.0"             # of this tool; a mismatch is an error before anything else
}

variable "target" {                         # type, default, description, sensitive, nullable, validation blocks
  type = string
}
locals { images = { tag = var.target } }

cluster "mssp" {                            # optional; without any, the ambient kubeconfig / in-cluster account is `default`
  kubeconfig = "~/.kube/config"
  context    = "prod"
  qps        = 50
  burst      = 100
}

registry "localhost:5000" {                 # optional per-host settings for chart registries
  plain_http = true
  ca_file    = "ca.pem"                     # credentials come from the Docker / Helm registry config files, never from HCL
}

prerequisite "cert-manager" {               # checked in every plan, never changed; a failing one is an error in the plan
  crd = "certificates.cert-manager.io"      # exactly one of: crd, any_crd (list), default_storage_class (bool), kubernetes (version constraint),
}                                           # snapshot_class (name), permission { verb, resource, group, namespace }

compatibility {
  matrix   = file("compatibility.yaml")     # SocTalk's own format: [{system: V, tenant: [{version: V, status: supported|deprecated|blocked, notes: ""}]}]
  unlisted = "refuse"                       # refuse (default) | warn | allow
  rule {                                    # ranges, added to the matrix; an exact matrix entry wins over a rule, the strictest matching rule wins among rules
    system = ">=0.2.0 <0.3.0"
    tenant = ">=0.1.9 <0.3.0"
    status = "supported"
    notes  = ""
  }
  stop {                                    # a version that no upgrade may jump over
    component = "system"                    # system | tenant
    version   = "0.2.0"
  }
}

release "0.2.1" {                           # optional facts about a version, beside what the chart itself says in its annotations; unique per component
  component       = "system"                # system | tenant
  schema_revision = "v1_0047"               # the database revision that this version's code needs
  breaking        = ["..."]                 # shown in the plan; a breaking tenant release makes snapshots and windows mandatory
  notes           = "https://…"
}

system {                                    # exactly one
  cluster   = cluster.mssp
  release   = "soctalk-system"              # default
  namespace = "soctalk-system"              # default
  chart     = "oci://ghcr.io/soctalk/charts/soctalk-system"   # oci://, https repository + chart_name, or a local folder / .tgz
  version   = var.target
  values    = [file("system-values.yaml"), { install = { installLabel = "prod" } }]   # YAML text or objects; later wins; lists replace
  set       = { "image.tag" = var.target }  # Helm --set paths, applied last
  timeout   = "10m"

  migration {
    mode     = "auto"                       # auto | job | init | none. auto: job if the target chart holds `template`, else init
    template = "templates/jobs/alembic-upgrade.yaml"
    timeout  = "10m"
  }

  database {                                # where the schema revision is read and what a database snapshot dumps; exactly one way in
    dsn_secret {                            # or `dsn = var.dsn`, or
      name = "soctalk-system-postgres-admin-creds"
      key  = "url"
    }
    # exec {                                # psql and pg_dump inside the database's own pod
    #   pod      = "soctalk-system-postgres-0"
    #   user     = "soctalk_admin"
    #   database = "soctalk"
    # }
  }

  snapshot "postgres" {
    driver  = "pg_dump"                     # csi | pg_dump | velero | command
    store   = "s3://backups/soctalk"        # file://, s3://, gs://, azblob://
    quiesce = false
    keep    = 5
  }
  on_failure = "stop"                       # stop (default) | rollback (only when the schema did not move) | restore (accepts losing writes since the snapshot)
}

tenant_defaults {                           # any tenant attribute or nested block; a tenant's own wins
  chart   = "oci://ghcr.io/soctalk/charts/soctalk-tenant"
  version = var.target
  timeout = "15m"
}

tenant "acme" {
  slug      = "acme"                        # default: the label, or each.key
  cluster   = cluster.mssp
  namespace = "tenant-acme"                 # default: tenant-<slug>
  release   = "tenant-acme"                 # default: tenant-<slug>
  labels    = { tier = "gold" }             # free labels, for waves and -target
  values    = [file("tenants/acme.yaml")]
  values_from = "release"                   # optional base layer under `values`: "release" = the user-supplied values of the live release
  set       = {}
  snapshot "volumes" {
    driver = "csi"
    class  = "csi-hostpath"
    when   = "breaking"                     # always | breaking | never
  }
  window    = window.low_traffic
  precondition {
    condition     = can(regex("^[a-z]", self.slug))
    error_message = "…"
  }

  companion "wazuh" {                       # a further release of this tenant: same cluster and namespace, own chart, version, values, set, timeout, snapshot
    release = "wazuh-acme"                  # default: <label>-<slug>
    chart   = "oci://ghcr.io/soctalk/charts/wazuh"
    version = "0.2.1"
    order   = "before"                      # upgraded before (default) or after the tenant's main release
  }
}

tenant "fleet" {
  for_each = yamldecode(file("tenants.yaml"))     # map or set of strings
  version  = try(each.value.version, var.target)
  values   = [each.value.values]
  labels   = each.value.labels
}

removed {                                   # the only way a live, formerly managed tenant is uninstalled
  from    = tenant.beta                     # or: from = "beta" (slug)
  destroy = true                            # false: forget it, leave it running
}

moved {
  from = tenant.old
  to   = tenant.fleet["old"]
}

window "low_traffic" {
  days     = ["sat", "sun"]                 # default: every day
  start    = "01:00"
  duration = "4h"
  timezone = "Europe/Madrid"
}

check "heartbeat" {                         # runs after every tenant upgrade that selects it, and holds for the wave's soak
  on       = "tenant"                       # tenant | system | wave
  interval = "15s"
  timeout  = "5m"
  # exactly one probe:
  http {                                    # through the API server's service proxy; or url = "https://…"
    service  = "soctalk-adapter"
    port     = 8080
    path     = "/health/ready"
    status   = 200
    jsonpath = "{.status}"
    equals   = "ok"
  }
  # sql {                                   # on the system database; self.* interpolates
  #   query  = "select …"
  #   equals = "completed"
  # }
  # prometheus {                            # instant query; min, max or equals
  #   address = "http://…"
  #   query   = "…"
  #   max     = 120
  # }
  # job { manifest = file("checks/alert-flow.yaml") }      # a Job that must complete
  # command { argv = ["./verify.sh", self.slug] }          # only with -allow-exec
}

rollout {
  max_parallel = 1                          # tenants at the same time; default 1, as in the runbook
  max_failures = 0                          # failed tenants tolerated before the run stops; a number or "5%"
  on_failure   = "rollback"                 # rollback that tenant (default) | stop | continue
  settle       = "60s"                      # after each tenant, before it counts as done

  wave "canary" {
    tenants = ["acme"]                      # slugs, and/or
    match   = { tier = "internal" }         # labels, and/or
    percent = 10                            # of all tenants not yet in a wave
    max_parallel = 1
    soak    = "30m"
    checks  = [check.heartbeat]
    approve = false                         # true: the run stops in front of this wave until `soctalk apply -resume RUN -approve WAVE`
  }
  wave "rest" {}                            # implicit when absent: everything left
}
