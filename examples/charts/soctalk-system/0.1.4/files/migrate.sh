#!/bin/bash
# Brings the database to the newest revision of this folder: forward only, all or nothing, one at a time.
set -euo pipefail
cd "${MIGRATIONS_DIR:-/migrations}"

deadline=$((SECONDS + ${WAIT_SECONDS:-120}))
until pg_isready -q; do
  if ((SECONDS >= deadline)); then
    echo "FAILED: no answer from the database at ${PGHOST:-the local socket} within ${WAIT_SECONDS:-120} s" >&2
    exit 1
  fi
  sleep 1
done

plan() {
  local file revision before='<base>' number=0
  cat <<'SQL'
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT pg_advisory_xact_lock(8104729163554821001) \g /dev/null
CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(64) PRIMARY KEY);
CREATE TEMP TABLE known_revision (number int, name varchar(64)) ON COMMIT DROP;
SQL
  for file in [0-9]*.sql; do
    number=$((number + 1))
    echo "INSERT INTO known_revision VALUES ($number, 'v1_${file%.sql}');"
  done
  cat <<'SQL'
DO $$
DECLARE
  unknown text;
BEGIN
  IF (SELECT count(*) FROM alembic_version) > 1 THEN
    RAISE EXCEPTION 'Multiple head revisions are present in this database';
  END IF;
  SELECT version_num INTO unknown FROM alembic_version WHERE version_num NOT IN (SELECT name FROM known_revision);
  IF FOUND THEN
    RAISE EXCEPTION 'Can''t locate revision identified by ''%''', unknown;
  END IF;
END
$$;
SELECT coalesce(max(number), 0) AS applied FROM known_revision JOIN alembic_version ON name = version_num \gset
SQL
  number=0
  for file in [0-9]*.sql; do
    number=$((number + 1))
    revision="v1_${file%.sql}"
    cat <<SQL
SELECT :applied < $number AS pending \gset
\if :pending
\echo 'Running upgrade $before -> $revision'
\i $file
DELETE FROM alembic_version;
INSERT INTO alembic_version VALUES ('$revision');
\endif
SQL
    before=$revision
  done
  # Facts of the installation, not of the schema: written again on every run.
  cat <<'SQL'
\getenv app_password APP_PASSWORD
\getenv mssp_password MSSP_PASSWORD
\getenv mssp_id MSSP_ID
\getenv install_id INSTALL_ID
\getenv install_label INSTALL_LABEL
\getenv admin_email ADMIN_EMAIL
\getenv admin_password ADMIN_PASSWORD
SELECT format('ALTER ROLE soctalk_app PASSWORD %L', :'app_password') \gexec
SELECT format('ALTER ROLE soctalk_mssp PASSWORD %L', :'mssp_password') \gexec
INSERT INTO organizations (install_id, mssp_id, label) VALUES (:'install_id', :'mssp_id', :'install_label')
  ON CONFLICT (install_id) DO UPDATE SET mssp_id = excluded.mssp_id, label = excluded.label;
\if :{?admin_password}
INSERT INTO users (email, role, password_digest)
  VALUES (:'admin_email', 'mssp_admin', encode(sha256(convert_to(:'admin_password', 'UTF8')), 'hex'))
  ON CONFLICT (email) DO UPDATE SET password_digest = excluded.password_digest;
\endif
COMMIT;
SELECT 'At revision ' || version_num FROM alembic_version;
SQL
}

# psql leaves with 3 when a statement fails.
plan | psql -X -q -A -t -f - || exit 1
