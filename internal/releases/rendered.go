package releases

import (
	"context"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/schema"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Rendered is what the newest revision of a release was rendered to.
func (s *Set) Rendered(ctx context.Context, r *schema.Release) ([]*unstructured.Unstructured, error) {
	live, err := s.helm(r).Get(ctx, r.Namespace, r.Name, 0)
	if err != nil {
		return nil, err
	}
	return helm.ParseManifest(live.Manifest.String())
}
