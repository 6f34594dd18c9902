CREATE TABLE tenant_llm (
  tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  provider  text NOT NULL,
  model     text NOT NULL
);

INSERT INTO tenant_llm (tenant_id, provider, model)
SELECT id, coalesce(settings #>> '{llm,provider}', 'openai'), coalesce(settings #>> '{llm,model}', 'gpt-4o-mini')
FROM tenants
WHERE settings ? 'llm';

UPDATE tenants SET settings = settings - 'llm' WHERE settings ? 'llm';
