ALTER TABLE users ADD COLUMN focused_tenant uuid REFERENCES tenants (id) ON DELETE SET NULL;
