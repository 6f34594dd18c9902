package schema

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	f := load(t, `
system {
  chart   = "oci://h/system"
  version = "0.2.1"
  accept  = ["owner:helmchart", "no-snapshot"]
}
tenant_defaults {
  accept = ["remove:StatefulSet/tenant-${self.slug}-*"]
}
tenant "fleet" {
  for_each = toset(["acme", "beta"])
  chart    = "oci://h/tenant"
  version  = "0.2.1"
  companion "wazuh" {
    chart   = "oci://h/wazuh"
    version = "0.3.0"
    accept  = ["recreate:StatefulSet/wazuh-${self.slug}-wazuh-indexer"]
  }
}
tenant "own" {
  chart   = "oci://h/tenant"
  version = "0.2.1"
  accept  = []
}
`, Options{})
	if s := f.System.Accept; !s.OwnedBy("helmchart") || s.OwnedBy("flux") || !s.NoSnapshot() {
		t.Error(s)
	}
	acme := tenant(t, f, "acme")
	if diff := cmp.Diff(Acceptance{"remove:StatefulSet/tenant-acme-*"}, acme.Accept); diff != "" {
		t.Error(diff)
	}
	if a := acme.Accept; !a.Accepts(RemoveWord("StatefulSet", "tenant-acme-linuxep")) || a.Accepts(RemoveWord("StatefulSet", "tenant-beta-linuxep")) ||
		a.Accepts(RemoveWord("PersistentVolumeClaim", "tenant-acme-x")) || a.Accepts(RecreateWord("StatefulSet", "tenant-acme-linuxep")) || a.NoSnapshot() {
		t.Error(a)
	}
	if a := acme.Companions[0].Accept; !a.Accepts(RecreateWord("StatefulSet", "wazuh-acme-wazuh-indexer")) {
		t.Error(a)
	}
	if a := tenant(t, f, "own").Accept; len(a) != 0 {
		t.Error(a)
	}
}

func TestAcceptRefusesOtherWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"remov:StatefulSet/x":         `Did you mean "remove:StatefulSet/x"?`,
		"remove:StatefulSets/x":       `Did you mean "remove:StatefulSet/x"?`,
		"remove:Deployment/x":         "comes one of PersistentVolumeClaim, StatefulSet",
		"recreate:Statefulset/x":      `Did you mean "recreate:StatefulSet/x"?`,
		"remove:StatefulSet":          "comes the object's name",
		"remove:StatefulSet/":         "comes the object's name",
		"remove:StatefulSet/[":        "comes the object's name",
		"remove:StatefulSet/ns/x":     "comes the object's name",
		"owner:argo":                  `Did you mean "owner:argocd"?`,
		"owner:flux/x":                `Did you mean "owner:flux"?`,
		"nosnapshot":                  `Did you mean "no-snapshot"?`,
		"no-snapshot:x":               "not understood",
		"":                            "not understood",
		"completely-different-matter": `The words are "remove:KIND/NAME"`,
	} {
		got := mistakes(t, `
system {
  chart   = "oci://h/system"
  version = "0.2.1"
  accept  = ["no-snapshot", "`+word+`"]
}
`, Options{})
		if !strings.Contains(got, "main.hcl:5,13-") || !strings.Contains(got, want) || strings.Count(got, "error:") != 1 {
			t.Errorf("%q: %s", word, got)
		}
	}
}

func TestAcceptIsForPeopleToRead(t *testing.T) {
	t.Parallel()
	got := mistakes(t, `
variable "s" {
  default   = "no-snapshot"
  sensitive = true
}
system {
  chart   = "oci://h/system"
  version = "0.2.1"
  accept  = [var.s]
}
`, Options{})
	if !strings.Contains(got, "Sensitive value not allowed") {
		t.Error(got)
	}
}
