package observe

import (
	"time"

	"github.com/soctalk/fleet/internal/helm"
)

// took is how long a revision took to get ready. Helm writes down when it began
// and, once it has waited, marks the revision as deployed; the mark has whole
// seconds. Without a wait the two are the same second, which tells nothing.
func took(r *helm.Release) time.Duration {
	d := r.Modified.Sub(r.LastDeployed).Truncate(time.Second)
	if r.Status != "deployed" || r.LastDeployed.IsZero() || d < time.Second {
		return 0
	}
	return d
}
