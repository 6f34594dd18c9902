CREATE TABLE adapter_checkpoints (
  tenant_id  uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  cursor     text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
