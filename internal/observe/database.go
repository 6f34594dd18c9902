package observe

import (
	"context"

	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// database reads the schema revision where the files give a way to it. Before
// there is a system there need be no database either.
func (o *observer) database(ctx context.Context) {
	s := o.fleet.System
	if s.Database == nil {
		return
	}
	d := ReadDatabase(ctx, o.clusters[s.Cluster].Kube, s.Database, s.Namespace)
	if !o.live.Releases[plan.KeyOf(&s.Release)].Deployed() {
		d.Problem = ""
	}
	o.live.Database = d
}

// ReadDatabase reads what the database of a system in a namespace says of itself.
func ReadDatabase(ctx context.Context, k *kube.Cluster, db *schema.Database, namespace string) *plan.Database {
	revision, err := schemaRevision(ctx, k, db, namespace)
	if err != nil {
		return &plan.Database{Problem: err.Error()}
	}
	return &plan.Database{Revision: revision}
}

func schemaRevision(ctx context.Context, k *kube.Cluster, db *schema.Database, namespace string) (string, error) {
	conn, err := database.Connect(ctx, k, db, namespace)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	return database.Revision(ctx, conn)
}
