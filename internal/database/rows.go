package database

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// ownTables are those that a dump holds rows of: not those of extensions, nor
// the parents of partitions, which have none of their own.
const ownTables = `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1`

// Rows counts the rows of every table. Its errors are an [Error].
func Rows(ctx context.Context, c Conn) (map[string]int64, error) {
	tables, err := c.Query(ctx, ownTables)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	if len(tables) == 0 {
		return counts, nil
	}
	var parts []string
	for _, t := range tables {
		name := text([][]string{t})
		parts = append(parts, fmt.Sprintf("SELECT '%s', count(*) FROM ONLY %s", strings.ReplaceAll(name, "'", "''"), name))
	}
	rows, err := c.Query(ctx, strings.Join(parts, " UNION ALL "))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if len(row) != 2 {
			return nil, &Error{"count rows", "the answer is not understood"}
		}
		if counts[row[0]], err = strconv.ParseInt(row[1], 10, 64); err != nil {
			return nil, &Error{"count rows", "the answer is not understood"}
		}
	}
	return counts, nil
}

// Size is about how many bytes a database takes up. Its errors are an [Error].
func Size(ctx context.Context, c Conn) (int64, error) {
	rows, err := c.Query(ctx, "SELECT pg_database_size(current_database())")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text(rows), 10, 64)
	if err != nil {
		return 0, &Error{"ask for the size of the database", "the answer is not understood"}
	}
	return n, nil
}
