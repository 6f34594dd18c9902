DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'soctalk_app') THEN
    CREATE ROLE soctalk_app LOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'soctalk_mssp') THEN
    CREATE ROLE soctalk_mssp LOGIN BYPASSRLS;
  END IF;
END
$$;

CREATE TABLE organizations (
  install_id uuid PRIMARY KEY,
  mssp_id    uuid NOT NULL,
  label      text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  email           text PRIMARY KEY,
  role            text NOT NULL,
  password_digest text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tenants (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  slug       text NOT NULL UNIQUE,
  state      text NOT NULL DEFAULT 'pending',
  profile    text NOT NULL DEFAULT 'poc',
  settings   jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE investigations (
  id         bigserial PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES tenants (id),
  title      text NOT NULL,
  status     text NOT NULL DEFAULT 'open',
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Even the owner sees only the tenant it has named, so that a forgotten filter leaks nothing.
ALTER TABLE investigations ENABLE ROW LEVEL SECURITY;
ALTER TABLE investigations FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON investigations USING (tenant_id::text = current_setting('soctalk.tenant', true));

-- Installations once had a single tenant, and no way to name it.
INSERT INTO tenants (slug, state, profile) VALUES ('default', 'active', 'legacy');

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO soctalk_app, soctalk_mssp;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO soctalk_app, soctalk_mssp;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO soctalk_app, soctalk_mssp;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO soctalk_app, soctalk_mssp;
