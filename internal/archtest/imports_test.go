package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/soctalk/fleet/"

// mayImport says, for each room, which others of this module its code may use.
// Tests may use more.
var mayImport = map[string][]string{
	"cmd/soctalk":        {"internal/cli"},
	"schema":             {"internal/prose"},
	"plan":               {"schema", "internal/compat", "internal/redact"},
	"apply":              {"schema", "plan", "internal/dag"},
	"internal/compat":    {"schema"},
	"internal/dag":       {},
	"internal/neterr":    {},
	"internal/prose":     {},
	"internal/redact":    {},
	"internal/lines":     {},
	"internal/kube":      {"internal/lines", "internal/neterr"},
	"internal/chart":     {"schema", "internal/atomicfile", "internal/neterr"},
	"internal/helm":      {"schema", "internal/chart", "internal/kube", "internal/prose", "internal/redact"},
	"internal/database":  {"schema", "internal/neterr", "internal/kube"},
	"internal/check":     {"schema", "plan", "apply", "internal/database", "internal/kube", "internal/lines", "internal/neterr", "internal/redact", "internal/program"},
	"internal/observe":   {"schema", "plan", "internal/atomicfile", "internal/helm", "internal/kube", "internal/plancache", "internal/database", "internal/redact"},
	"internal/releases":  {"schema", "plan", "apply", "internal/chart", "internal/helm", "internal/kube", "internal/lines", "internal/observe", "internal/plancache", "internal/prose", "internal/redact"},
	"internal/journal":   {"plan", "apply", "internal/kube"},
	"internal/program":   {"schema"},
	"internal/store":     {},
	"internal/snapshot":  {"schema", "plan", "apply", "internal/database", "internal/journal", "internal/kube", "internal/lines", "internal/program", "internal/store"},
	"internal/planfile":  {"plan", "internal/atomicfile"},
	"internal/plancache": {"internal/atomicfile"},
	"internal/page":      {},
	"internal/view":      {"schema", "plan", "apply", "internal/page", "internal/prose"},
	"internal/announce":  {"plan", "apply", "internal/kube", "internal/view"},
	"internal/metrics":   {"plan", "apply", "internal/neterr", "internal/view"},
	"internal/trace":     {"plan", "apply", "internal/neterr"},
	"internal/adopt":     {"schema", "internal/prose", "internal/redact"},
	"internal/cli": {"schema", "plan", "apply", "internal/adopt", "internal/announce", "internal/atomicfile", "internal/chart", "internal/check", "internal/compat", "internal/helm", "internal/journal", "internal/kube", "internal/metrics", "internal/observe",
		"internal/plancache", "internal/planfile", "internal/prose", "internal/releases", "internal/snapshot", "internal/trace", "internal/view"},
	"internal/atomicfile":      {},
	"internal/clidocs":         {"internal/cli"},
	"internal/site":            {"internal/page"},
	"internal/site/cmd/site":   {"internal/site"},
	"internal/bench":           {"internal/cli", "internal/kube", "internal/sandbox/publish"},
	"internal/bench/cmd/bench": {"internal/bench", "internal/sandbox"},
}

// onlyIn names the rooms that alone may import a path.
var onlyIn = map[string][]string{
	"helm.sh/helm/v3": {"internal/bench", "internal/helm", "internal/chart", "internal/sandbox"},
	"k8s.io/":         {"internal/announce", "internal/bench", "internal/check", "internal/database", "internal/helm", "internal/journal", "internal/kube", "internal/observe", "internal/releases", "internal/sandbox", "internal/snapshot"},
}

// except names single paths that a room may import all the same.
var except = map[string][]string{
	"plan":   {"k8s.io/apimachinery/pkg/api/resource"}, // quantities: arithmetic, no client
	"schema": {"k8s.io/client-go/util/jsonpath"},       // kubectl's JSONPath: a parser, no client
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], module)
		allowed, known := mayImport[room]
		for _, path := range fields[1:] {
			if own, ok := strings.CutPrefix(path, module); ok && known && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s, which the architecture does not let it", room, own)
			}
			for prefix, rooms := range onlyIn {
				if strings.HasPrefix(path, prefix) && !slices.Contains(except[room], path) && !slices.ContainsFunc(rooms, func(r string) bool { return room == r || strings.HasPrefix(room, r+"/") }) {
					t.Errorf("%s imports %s, which is for %s alone", room, path, strings.Join(rooms, ", "))
				}
			}
		}
	}
}
