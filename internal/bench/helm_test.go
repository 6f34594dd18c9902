package bench

import (
	"os"
	"regexp"
	"testing"
)

func TestPeerIsTheHelmThatIsCompiledIn(t *testing.T) {
	t.Parallel()
	var versions []string
	for _, file := range []string{"../../go.mod", "helm/go.mod"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, regexp.MustCompile(`helm\.sh/helm/v3 v\S+`).FindString(string(data)))
	}
	if versions[0] == "" || versions[0] != versions[1] {
		t.Errorf("go.mod has %q, helm/go.mod has %q", versions[0], versions[1])
	}
}
