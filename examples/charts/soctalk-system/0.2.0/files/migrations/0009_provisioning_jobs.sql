CREATE TABLE provisioning_jobs (
  id         bigserial PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  kind       text NOT NULL,
  status     text NOT NULL DEFAULT 'pending',
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT provisioning_jobs_kind CHECK (kind IN ('provision', 'decommission')),
  CONSTRAINT provisioning_jobs_status CHECK (status IN ('pending', 'in_flight', 'done', 'failed'))
);
