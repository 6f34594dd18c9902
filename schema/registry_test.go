package schema

import (
	"strings"
	"testing"
)

func TestRegistryHosts(t *testing.T) {
	t.Parallel()
	for host, fine := range map[string]bool{
		"ghcr.io": true, "localhost:5000": true, "h:1": true, "h:65535": true, "[::1]:5000": true,
		"h:0": false, "h:65536": false, "h:99999": false, "h:": false, "h:x": false, "https://h": false, "h/path": false, "": false,
	} {
		got := mistakes(t, base+`registry "`+host+`" { plain_http = true }`, Options{})
		if fine == strings.Contains(got, "Invalid registry host") || fine && got != "" {
			t.Errorf("%q: %s", host, got)
		}
	}
}
