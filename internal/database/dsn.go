package database

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// libpq are the parameters of a URL that mean something here. What else
// SQLAlchemy's URLs hold is for its drivers.
var libpq = map[string]bool{
	"host": true, "port": true, "user": true, "password": true, "dbname": true, "database": true, "application_name": true, "options": true,
	"sslmode": true, "sslrootcert": true, "sslcert": true, "sslkey": true, "target_session_attrs": true,
}

// parse reads a DSN in the form of libpq or of SQLAlchemy, whose scheme names
// the driver: postgresql+asyncpg://. What is wrong with it comes back in words
// that hold nothing of it.
func parse(dsn, from string) (*pgconn.Config, error) {
	dsn, err := libpqForm(dsn, from)
	if err != nil {
		return nil, err
	}
	return parseForm(dsn, from)
}

// libpqForm is a DSN as PostgreSQL's own clients understand it.
func libpqForm(dsn, from string) (string, error) {
	what := "read the DSN from " + from
	scheme, rest, isURL := strings.Cut(dsn, "://")
	if isURL {
		dialect, driver, _ := strings.Cut(scheme, "+")
		if dialect != "postgresql" && dialect != "postgres" {
			return "", &Error{what, "it is not one of PostgreSQL: it should begin with postgresql://"}
		}
		u, err := url.Parse("postgresql://" + rest)
		if err != nil {
			return "", &Error{what, "it is no URL; a password with special characters must be percent-encoded"}
		}
		if driver != "" {
			u.RawQuery = withoutDrivers(u.Query()).Encode()
		}
		dsn = u.String()
	}
	return dsn, nil
}

func parseForm(dsn, from string) (*pgconn.Config, error) {
	what := "read the DSN from " + from
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		// Its own text quotes the DSN.
		var file *fs.PathError
		if errors.As(err, &file) {
			return nil, &Error{what, fmt.Sprintf("it names the file %s, which cannot be read here", file.Path)}
		}
		return nil, &Error{what, "PostgreSQL's clients would not understand it"}
	}
	config.ConnectTimeout = connectTimeout
	return config, nil
}

// setting is one of a DSN of keywords and values.
var setting = regexp.MustCompile(`(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)`)

// settingsOf are the settings of a DSN that libpq understands; those of a URL
// without what stands before its query.
func settingsOf(dsn string) map[string]string {
	settings := map[string]string{}
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		for name := range u.Query() {
			settings[name] = u.Query().Get(name)
		}
		return settings
	}
	for _, m := range setting.FindAllStringSubmatch(dsn, -1) {
		value := m[2]
		if inner, ok := strings.CutPrefix(value, "'"); ok {
			value = strings.TrimSuffix(inner, "'")
		}
		settings[m[1]] = escaped.ReplaceAllString(value, "$1")
	}
	return settings
}

var escaped = regexp.MustCompile(`\\(.)`)

func withoutDrivers(query url.Values) url.Values {
	// asyncpg's name for it.
	if mode := query.Get("ssl"); mode != "" && !query.Has("sslmode") {
		if mode == "true" {
			mode = "require"
		}
		query.Set("sslmode", mode)
	}
	for name := range query {
		if !libpq[name] {
			query.Del(name)
		}
	}
	return query
}

// deepest is the innermost text of an error: those around it quote the DSN.
func deepest(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// hide takes secrets out of a text.
func hide(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "(hidden)")
			text = strings.ReplaceAll(text, url.QueryEscape(s), "(hidden)")
		}
	}
	return text
}
