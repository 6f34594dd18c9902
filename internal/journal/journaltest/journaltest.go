// Package journaltest tells tests which requests write a run's journal.
package journaltest

import (
	"net/http"
	"strings"

	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
)

// Page returns the body of a request that writes a page of a run's entries, and
// whether it is one.
func Page(r *http.Request) (string, bool) {
	if r.Method != http.MethodPost && r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/configmaps") {
		return "", false
	}
	body := faultproxy.Body(r)
	return body, strings.Contains(body, "soctalk-run-") && strings.Contains(body, "-log-")
}

// IsPage says whether a request writes a page of a run's entries.
func IsPage(r *http.Request) bool {
	_, is := Page(r)
	return is
}
