CREATE TABLE price_catalog (
  model            text PRIMARY KEY,
  dollars_per_mtok  numeric(10, 4) NOT NULL
);

ALTER TABLE investigation_runs ADD COLUMN price_snapshot jsonb;
