package journal

import (
	"slices"

	"github.com/soctalk/fleet/internal/kube"
)

// Permissions are what keeping a journal and the lock takes, in the system's
// namespace.
func Permissions(namespace string) []kube.Access {
	return slices.Concat(
		kube.Doing(namespace, "coordination.k8s.io", "leases", "get", "create", "update"),
		kube.Doing(namespace, "", "configmaps", "get", "list", "create", "update", "delete", "deletecollection"),
		kube.Doing(namespace, "", "secrets", "get", "list", "create", "deletecollection"))
}
