INSERT INTO price_catalog (model, dollars_per_mtok) VALUES ('gpt-4o-mini', 0.6), ('gpt-4o', 10), ('claude-sonnet', 15);

UPDATE investigation_runs r
SET price_snapshot = jsonb_build_object('dollars_per_mtok', p.dollars_per_mtok)
FROM price_catalog p
WHERE p.model = r.model AND r.status = 'completed';
