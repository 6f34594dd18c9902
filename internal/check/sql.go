package check

import (
	"context"
	"errors"
	"fmt"

	systemdb "github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
)

// database is the one connection to the system database that all checks share.
type database struct {
	cluster *kube.Cluster
	system  *schema.System
	// turn is held by who uses the connection.
	turn chan struct{}
	conn systemdb.Conn // nil: none is open
}

func newDatabase(c *kube.Cluster, s *schema.System) *database {
	return &database{cluster: c, system: s, turn: make(chan struct{}, 1)}
}

// query asks in a transaction that can only read. After an error the next one
// connects anew.
func (d *database) query(ctx context.Context, statement string) ([][]string, error) {
	if d.system.Database == nil {
		return nil, errors.New("the system has no database block, so there is no way into its database")
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, errors.New("the database was busy with other checks all the time")
	}
	if d.conn == nil {
		conn, err := systemdb.Connect(ctx, d.cluster, d.system.Database, d.system.Namespace)
		if err != nil {
			return nil, err
		}
		d.conn = conn
	}
	rows, err := d.conn.Query(ctx, statement)
	if err != nil {
		_ = d.conn.Close()
		d.conn = nil
	}
	return rows, err
}

// databaseAccess is what the way into the database takes.
func (s *Set) databaseAccess() []kube.Access { return systemdb.Permissions(s.fleet.System) }

func (d *database) close() {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	if d.conn != nil {
		_ = d.conn.Close()
		d.conn = nil
	}
}

func (s *Set) sql(ctx context.Context, p *schema.SQLProbe) (finding, error) {
	rows, err := s.database.query(ctx, p.Query)
	switch {
	case err != nil:
		return finding{}, err
	case len(rows) == 0:
		return finding{text: fmt.Sprintf("the query returns no row, expected %s", s.hide.value(p.Equals))}, nil
	case len(rows) > 1 || len(rows[0]) != 1:
		return finding{}, fmt.Errorf("the query returns %d rows of %d columns, and one value is expected", len(rows), len(rows[0]))
	}
	return s.hide.held("the query's value", rows[0][0], p.Equals), nil
}
