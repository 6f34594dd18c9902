CREATE TABLE investigation_runs (
  id               bigserial PRIMARY KEY,
  investigation_id bigint NOT NULL REFERENCES investigations (id) ON DELETE CASCADE,
  model            text NOT NULL,
  status           text NOT NULL DEFAULT 'pending',
  tokens_used      bigint NOT NULL DEFAULT 0,
  created_at       timestamptz NOT NULL DEFAULT now()
);
