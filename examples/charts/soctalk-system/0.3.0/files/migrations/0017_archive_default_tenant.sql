CREATE TABLE archived_investigations (
  id          bigint PRIMARY KEY,
  tenant_slug text NOT NULL,
  title       text NOT NULL,
  status      text NOT NULL,
  created_at  timestamptz NOT NULL
);

WITH gone AS (
  DELETE FROM investigations
  WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'default')
  RETURNING id, title, status, created_at
)
INSERT INTO archived_investigations SELECT id, 'default', title, status, created_at FROM gone;

DELETE FROM tenants WHERE slug = 'default';
