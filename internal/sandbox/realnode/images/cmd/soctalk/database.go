package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// readiness returns the check of a role. Only the api keeps a database.
func readiness(role string) func(context.Context) error {
	if role != "api" {
		return func(context.Context) error { return nil }
	}
	return askDatabase
}

// askDatabase connects anew each time: a probe must notice a server that went
// away, and it is asked once in a few seconds.
func askDatabase(ctx context.Context) error {
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return errors.New("DATABASE_URL is not set")
	}
	// The real service names its driver in the scheme.
	if _, rest, ok := strings.Cut(url, "://"); ok && strings.HasPrefix(url, "postgresql+") {
		url = "postgresql://" + rest
	}
	connection, err := pgconn.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { _ = connection.Close(ctx) }()
	if _, err := connection.Exec(ctx, "SELECT 1").ReadAll(); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}
