package database

import (
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

// Permissions are what the way into the database of a system takes, as far as
// the files tell it: where a connection string leads is in a Secret.
func Permissions(s *schema.System) []kube.Access {
	switch db := s.Database; {
	case db == nil:
	case db.Exec != nil:
		return kube.Doing(s.Namespace, "", "pods/exec", "get", "create")
	case db.DSNSecret != nil:
		return kube.Doing(s.Namespace, "", "secrets", "get")
	}
	return nil
}
