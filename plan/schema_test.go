package plan

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Programs read a plan by its published schema.
func TestDocumentFitsItsSchema(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("../docs/schema/plan.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	same := newWorld("0.2.1", "0.2.1")
	upgrade := newWorld("0.2.0", "0.2.1")
	upgrade.wanted["system"].Chart.Templates["templates/jobs/alembic-upgrade.yaml"] = true
	upgrade.tenant("acme", "0.2.0", "0.2.1")
	upgrade.tenant("new", "", "0.2.1")
	install := newWorld("", "0.2.1")
	refused := newWorld("0.2.1", "0.2.0")
	for name, w := range map[string]*world{"no changes": same, "upgrade": upgrade, "first install": install, "refused": refused} {
		data, err := json.Marshal(w.plan())
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
	}
}
