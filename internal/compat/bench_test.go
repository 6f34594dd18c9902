package compat

import (
	"errors"
	"fmt"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// largeFleet is tenants in 50 classes, at ten live versions on the way to five
// targets, beside a system that has n versions to go; a system serves what is
// at most served versions older.
func largeFleet(tenants, n, served int) Problem {
	v := func(i int) *semver.Version { return semver.MustParse(fmt.Sprintf("1.%d.0", i)) }
	c := &schema.Compatibility{Unlisted: schema.UnlistedRefuse}
	for s := range n + 1 {
		for t := max(0, s-served); t <= s; t++ {
			status := schema.Supported
			if t == s-served {
				status = schema.Deprecated
			}
			c.Matrix = append(c.Matrix, schema.Pair{System: v(s), Tenant: v(t), Status: status})
		}
	}
	p := Problem{Compatibility: c, System: Release{Address: "system", Live: v(9), Target: v(n)}}
	for i := range tenants {
		p.Tenants = append(p.Tenants, Release{Address: fmt.Sprintf("tenant.t%05d", i), Live: v(i % 10), Target: v(n - i/10%5)})
	}
	return p
}

func BenchmarkSolve(b *testing.B) {
	for _, tt := range []struct{ tenants, versions, served int }{
		{1_000, 20, 10}, {10_000, 20, 10}, {10_000, 40, 12},
	} {
		b.Run(fmt.Sprintf("tenants=%d/versions=%d", tt.tenants, tt.versions), func(b *testing.B) {
			p := largeFleet(tt.tenants, tt.versions, tt.served)
			b.ReportAllocs()
			for b.Loop() {
				path, err := Solve(p)
				if err != nil {
					b.Fatal(err)
				}
				if len(path.Classes) != 50 {
					b.Fatalf("%d classes", len(path.Classes))
				}
			}
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	p := largeFleet(10_000, 20, 10)
	p.Exists = func(c schema.Component, v *semver.Version) bool {
		return c == schema.ComponentTenant || v.Minor() < 10 || v.Minor() > 19
	}
	p.Tenants[0].Target = p.Tenants[0].Live
	b.ReportAllocs()
	for b.Loop() {
		_, err := Solve(p)
		var none *NoPathError
		if !errors.As(err, &none) {
			b.Fatalf("err = %v", err)
		}
	}
}
