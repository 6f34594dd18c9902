package sandbox

import (
	"os"
	"strings"
	"testing"
)

func TestVersionStampIsThatOfTheModule(t *testing.T) {
	data, err := os.ReadFile("kube/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/kubernetes " + kubernetesVersion + "\n"; !strings.Contains(string(data), want) {
		t.Errorf("kube/go.mod does not require %q", want)
	}
}

func TestBuildIsNamedByItsSources(t *testing.T) {
	dir := t.TempDir()
	hash := func(text string) string {
		t.Helper()
		if err := os.WriteFile(dir+"/main.go", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sum, err := servers.sourceHash(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first := hash("package main")
	if second := hash("package main // changed"); second == first {
		t.Error("a change of the sources keeps the name of the build")
	}
	if again := hash("package main"); again != first {
		t.Error("the same sources change the name of the build")
	}
}

func TestFailedBuildShowsTheCompiler(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x\n", "main.go": "package main\nfunc main() { undefined() }\n"} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var progress strings.Builder
	err := servers.build(t.Context(), dir, dir+"/binary", &progress)
	if err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("got %v, want the compiler's message", err)
	}
}
