ALTER TABLE provisioning_jobs DROP CONSTRAINT provisioning_jobs_kind;
ALTER TABLE provisioning_jobs ADD CONSTRAINT provisioning_jobs_kind CHECK (kind IN ('provision', 'decommission', 'reconcile'));
