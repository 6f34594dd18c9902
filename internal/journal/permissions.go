package journal

import (
	"github.com/soctalk/fleet/internal/kube"
)

// Permissions are what keeping a journal and the lock takes, in the system's
// namespace.
func Permissions(namespace string) []kube.Access {
	var all []kube.Access
	add := func(group, resource string, verbs ...string) {
		for _, verb := range verbs {
			all = append(all, kube.Access{Verb: verb, Group: group, Resource: resource, Namespace: namespace})
		}
	}
	add("coordination.k8s.io", "leases", "get", "create", "update")
	add("", "configmaps", "get", "list", "create", "update")
	add("", "secrets", "get", "create")
	return all
}
