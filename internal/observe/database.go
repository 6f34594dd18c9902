package observe

import (
	"context"

	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/plan"
)

// database reads the schema revision where the files give a way to it. Before
// there is a system there need be no database either.
func (o *observer) database(ctx context.Context) {
	s := o.fleet.System
	if s.Database == nil {
		return
	}
	revision, err := o.schemaRevision(ctx)
	d := &plan.Database{Revision: revision}
	if err != nil && o.live.Releases[plan.KeyOf(&s.Release)].Deployed() {
		d.Problem = err.Error()
	}
	o.live.Database = d
}

func (o *observer) schemaRevision(ctx context.Context) (string, error) {
	s := o.fleet.System
	conn, err := database.Connect(ctx, o.clusters[s.Cluster].Kube, s.Database, s.Namespace)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	return database.Revision(ctx, conn)
}
