# A fleet that uses every block of the language once. What each one means is
# in docs/language.md.

soctalk {
  required_version = ">= 0.1.0"
}

cluster "mssp" {
  kubeconfig = "~/.kube/config"
  context    = "prod"
  qps        = 50
  burst      = 100
}

cluster "customer" {
  kubeconfig = "kubeconfig-customer.yaml"
}

registry "localhost:5000" {
  plain_http = true
}

registry "registry.example.org" {
  ca_file = "ca.pem"
}

prerequisite "cert-manager" {
  crd = "certificates.cert-manager.io"
}

prerequisite "network-policies" {
  any_crd = ["ciliumnetworkpolicies.cilium.io", "networkpolicies.crd.projectcalico.org"]
}

prerequisite "storage" {
  default_storage_class = true
}

prerequisite "admission" {
  kubernetes = ">=1.30.0-0"
}

prerequisite "snapshots" {
  snapshot_class = "csi-hostpath"
}

prerequisite "tenants-can-be-made" {
  permission {
    verb     = "create"
    resource = "namespaces"
  }
}

compatibility {
  matrix   = file("compatibility.yaml")
  unlisted = "refuse"

  rule {
    system = ">=0.2.0 <0.3.0"
    tenant = ">=0.1.9 <0.3.0"
    status = "supported"
  }

  rule {
    system = ">=0.2.0 <0.3.0"
    tenant = "<0.1.9"
    status = "blocked"
    notes  = "These adapters speak an API that the system no longer has."
  }

  stop {
    component = "system"
    version   = "0.2.0"
  }
}

release "0.2.1" {
  component       = "system"
  schema_revision = "v1_0047_tenant_llm_engine"
  notes           = "https://github.com/soctalk/soctalk/releases/tag/v0.2.1"
}

release "0.2.1" {
  component = "tenant"
  breaking  = ["llm.dollarBudgetPerRun is gone"]
}

system {
  cluster   = cluster.mssp
  release   = "soctalk-system"
  namespace = "soctalk-system"
  chart     = "${local.registry}/soctalk-system"
  version   = var.target
  values    = [file("system-values.yaml"), local.images]
  set       = { "install.installLabel" = "prod" }
  timeout   = "10m"

  migration {
    mode     = "auto"
    template = "templates/jobs/alembic-upgrade.yaml"
    timeout  = "10m"
  }

  database {
    dsn = var.database_dsn
    # Or, without the connection string in a variable:
    # dsn_secret {
    #   name = "soctalk-system-postgres-admin-creds"
    #   key  = "url"
    # }
  }

  api {
    origin = "https://soctalk.example.org"
    login_secret {
      name = "soctalk-checks"
    }
  }

  snapshot "postgres" {
    driver  = "pg_dump"
    store   = "s3://backups/soctalk"
    quiesce = false
    keep    = 5
  }

  precondition {
    condition     = semver_compare(self.version, "0.2.0") >= 0
    error_message = "Systems before 0.2.0 are not run any more."
  }

  on_failure = "stop"
}

check "system-answers" {
  on = "system"
  http {
    service = "soctalk-system-api"
    port    = 8000
    path    = "/health/ready"
  }
}

check "heartbeat" {
  on       = "tenant"
  interval = "15s"
  timeout  = "5m"
  retries  = 2
  http {
    service  = "soctalk-adapter"
    port     = 8080
    path     = "/health/ready?tenant=${self.slug}"
    status   = 200
    jsonpath = "{.status}"
    equals   = "ok"
  }
}

check "triage" {
  sql {
    query  = "select status from investigation_runs where tenant = '${self.slug}' order by started_at desc limit 1"
    equals = "completed"
  }
}

check "latency" {
  on = "wave"
  prometheus {
    address = "http://prometheus.monitoring:9090"
    query   = "histogram_quantile(0.99, sum(rate(soctalk_ingest_seconds_bucket[5m])) by (le))"
    max     = 120
  }
}

check "alert-flow" {
  job {
    manifest = file("checks/alert-flow.yaml")
  }
}

check "ingest" {
  builtin  = "soctalk_ingest"
  interval = "30s"
}

check "own-script" {
  command {
    argv = ["./checks/verify.sh", self.slug]
  }
}

rollout {
  max_parallel = 4
  max_failures = "5%"
  on_failure   = "rollback"
  settle       = "60s"

  wave "canary" {
    tenants      = ["acme"]
    match        = { tier = "internal" }
    max_parallel = 1
    soak         = "30m"
    checks       = [check.heartbeat, check.triage, check.alert-flow, check.ingest, check.soctalk_heartbeat, check.soctalk_images]
  }

  wave "tenth" {
    percent = 10
    checks  = [check.heartbeat, check.latency]
  }

  wave "rest" {
    approve = true
    checks  = [check.heartbeat, check.own-script]
  }
}
