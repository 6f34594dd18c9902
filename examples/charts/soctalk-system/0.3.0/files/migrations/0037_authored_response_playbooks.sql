CREATE TABLE response_playbooks (
  id        bigserial PRIMARY KEY,
  tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE,
  name      text NOT NULL,
  body      text NOT NULL,
  UNIQUE (tenant_id, name)
);
