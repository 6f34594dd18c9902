package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/soctalk/fleet/schema"
)

// completed looks for an investigation that was completed since the upgrade and
// that cost something. Prices are kept from v1_0042 on.
func (s *Set) completed(ctx context.Context, at subject, since time.Duration) (finding, error) {
	return s.newest(ctx, at, schema.BuiltinRun, "the last completed investigation", since, `
SELECT max(r.ended_at) FROM investigation_runs r
WHERE r.tenant_id = t.id AND r.status = 'completed' AND r.tokens_used > 0
  AND (NOT jsonb_exists(to_jsonb(r), 'price_snapshot') OR to_jsonb(r) ->> 'price_snapshot' IS NOT NULL)`)
}

// ingested looks for a checkpoint that the adapter has moved since the upgrade.
func (s *Set) ingested(ctx context.Context, at subject, since time.Duration) (finding, error) {
	return s.newest(ctx, at, schema.BuiltinIngest, "the last checkpoint of the adapter", since,
		`SELECT max(c.updated_at) FROM adapter_checkpoints c WHERE c.tenant_id = t.id`)
}

// newest holds a time that the database keeps of a tenant against how long ago
// the upgrade was, by the database's own clock.
func (s *Set) newest(ctx context.Context, at subject, builtin, what string, since time.Duration, last string) (finding, error) {
	row, err := s.ofTenant(ctx, at.tenant.Slug, "floor(extract(epoch FROM now() - ("+last+")))::bigint")
	if err != nil {
		return finding{}, err
	}
	if why := excused(builtin, standing{row[0], row[1]}); why != "" {
		return passedOver(why), nil
	}
	if row[2] == "" {
		return finding{text: fmt.Sprintf("there is no such thing as %s yet", what)}, nil
	}
	seconds, err := strconv.ParseInt(row[2], 10, 64)
	if err != nil {
		return finding{}, fmt.Errorf("the database says %s where seconds are expected", s.hide.value(row[2]))
	}
	return fresh(what, time.Duration(seconds)*time.Second, since), nil
}

// recorded is how a tenant stands by the database.
func (s *Set) recorded(ctx context.Context, slug string) (standing, error) {
	row, err := s.ofTenant(ctx, slug, "''")
	if err != nil {
		return standing{}, err
	}
	return standing{row[0], row[1]}, nil
}

// ofTenant reads state, profile and one thing more of a tenant.
func (s *Set) ofTenant(ctx context.Context, slug, more string) ([]string, error) {
	quoted := "'" + strings.ReplaceAll(slug, "'", "''") + "'"
	rows, err := s.database.query(ctx, "SELECT t.state, coalesce(t.profile, ''), "+more+" FROM tenants t WHERE t.slug = "+quoted)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) != 3 {
		return nil, fmt.Errorf("the database knows no tenant %s", slug)
	}
	return rows[0], nil
}
