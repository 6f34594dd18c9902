package helm

import "testing"

// What a message names is told, also where a value is that name in another case.
func TestScrubberLeavesNames(t *testing.T) {
	t.Parallel()
	s := newScrubber(map[string]any{"name": "Acme", "title": "Tenant-Acme-Production", "key": "Hunter2x"}, "acme", "tenant-acme-production")
	for message, want := range map[string]string{
		`namespaces "acme" not found`:              `namespaces "acme" not found`,
		"release tenant-acme-production is broken": "release tenant-acme-production is broken",
		"Acme is no name":                          "(hidden) is no name",
		"HUNTER2X is refused, so is hunter2x":      "(hidden) is refused, so is (hidden)",
	} {
		if got := s.text(message); got != want {
			t.Errorf("%q becomes %q, want %q", message, got, want)
		}
	}
}
