package database

import (
	"errors"
	"strings"
	"testing"
)

const canary = "c4n4ry-p4ss"

func TestParse(t *testing.T) {
	for dsn, want := range map[string]struct {
		host, user, database string
		tls                  bool
	}{
		"postgresql://u:" + canary + "@db:5433/soctalk?sslmode=disable":                                       {"db", "u", "soctalk", false},
		"postgres://u:" + canary + "@db/soctalk?sslmode=require":                                              {"db", "u", "soctalk", true},
		"postgresql+psycopg://u:" + canary + "@db.ns.svc:5432/soctalk":                                        {"db.ns.svc", "u", "soctalk", true},
		"postgresql+asyncpg://u:" + canary + "@db/soctalk?ssl=disable&prepared_statement_cache_size=0":        {"db", "u", "soctalk", false},
		"postgresql+asyncpg://u:" + canary + "@db/soctalk?ssl=true":                                           {"db", "u", "soctalk", true},
		"postgresql+psycopg2://u:%63" + canary[1:] + "@/soctalk?host=db&client_encoding=utf8&sslmode=disable": {"db", "u", "soctalk", false},
		"host=db user=u password=" + canary + " dbname=soctalk sslmode=disable":                               {"db", "u", "soctalk", false},
	} {
		c, err := parse(dsn, "dsn")
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if c.Host != want.host || c.User != want.user || c.Database != want.database || c.Password != canary || (c.TLSConfig != nil) != want.tls {
			t.Errorf("%s: host %s, user %s, database %s, TLS %t", dsn, c.Host, c.User, c.Database, c.TLSConfig != nil)
		}
		for name := range c.RuntimeParams {
			t.Errorf("%s: the server is given %s", dsn, name)
		}
	}
}

func TestParseSaysNothingSecret(t *testing.T) {
	for dsn, want := range map[string]string{
		"mysql://u:" + canary + "@db/x":         "not one of PostgreSQL",
		canary:                                  "would not understand",
		"":                                      "",
		"postgresql://u:" + canary + "#1@db/x":  "percent-encoded",
		"postgresql://u:" + canary + "%zz@db/x": "percent-encoded",
		"postgresql://u:p@db:" + canary + "/x":  "percent-encoded",
		"postgresql://u:" + canary + "@db/x?sslmode=" + canary:           "would not understand",
		"postgresql://u:" + canary + "@db/x?sslrootcert=/nowhere/ca.crt": "/nowhere/ca.crt",
		"host=db port=" + canary:                                         "would not understand",
		"user=u password='" + canary:                                     "would not understand",
	} {
		_, err := parse(dsn, "key url of Secret ns/creds")
		if want == "" {
			continue
		}
		var own *Error
		if !errors.As(err, &own) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "read the DSN from key url of Secret ns/creds") {
			t.Errorf("got %v, want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestInside(t *testing.T) {
	for host, want := range map[string]place{
		"localhost": {}, "10.0.0.1": {}, "::1": {}, "db.example.com": {}, "a..b": {}, "": {},
		"db":                           {service: "db", namespace: "own"},
		"db.ns":                        {service: "db", namespace: "ns"},
		"db.ns.svc":                    {service: "db", namespace: "ns", certain: true},
		"db.ns.svc.cluster.local":      {service: "db", namespace: "ns", certain: true},
		"db.ns.svc.cluster.local.":     {service: "db", namespace: "ns", certain: true},
		"db-0.db.ns.svc.cluster.local": {pod: "db-0", service: "db", namespace: "ns", certain: true},
	} {
		got, ok := inside(host, "own")
		if got != want || ok != (want.service != "") {
			t.Errorf("%q is %+v, want %+v", host, got, want)
		}
	}
}

// The library tells each time where it tried; that stands before it already.
func TestCauseDoesNotRepeatTheServer(t *testing.T) {
	t.Parallel()
	err := errors.New("db.x.svc:5432 (db.x.svc): dial error: forwarding port 5432 of pod x/db-0: no\ndb.x.svc:5432 (db.x.svc): dial error: forwarding port 5432 of pod x/db-0: no")
	if got, want := (&overNetwork{}).why(err), "forwarding port 5432 of pod x/db-0: no"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
