ALTER TABLE investigations RENAME TO cases;

-- While the pods roll, the release before still reads and writes the old name.
CREATE VIEW investigations WITH (security_invoker = true) AS SELECT id, tenant_id, title, status, created_at FROM cases;
