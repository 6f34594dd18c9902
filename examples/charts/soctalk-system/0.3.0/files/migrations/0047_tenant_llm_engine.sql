ALTER TABLE tenant_llm ADD COLUMN engine text;
UPDATE tenant_llm SET engine = CASE provider WHEN 'openai-compatible' THEN 'gateway' ELSE 'native' END;
ALTER TABLE tenant_llm ALTER COLUMN engine SET NOT NULL;
