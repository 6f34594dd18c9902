package cli

import (
	"testing"

	"github.com/soctalk/fleet/internal/adopt"
)

func TestDatabaseIsThatOfTheSystemsCluster(t *testing.T) {
	t.Parallel()
	s := &survey{releases: []*adopt.Release{
		{Cluster: "main", Namespace: "old", Chart: adopt.SystemChart, Status: "uninstalled"},
		{Cluster: "main", Namespace: "sys", Chart: adopt.SystemChart, Status: "deployed"},
		{Cluster: "edge", Namespace: "tenant-acme", Chart: adopt.TenantChart, Status: "deployed"},
	}}
	if got := s.system("main"); got == nil || got.Namespace != "sys" {
		t.Errorf("the system of its own cluster is %v", got)
	}
	if got := s.system("edge"); got != nil {
		t.Errorf("the system of another cluster is %v", got)
	}
}

func TestClustersHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := &survey{}
	for context, want := range map[string]string{"": "main", "Prod.EU": "prod_eu", "1st": "c1st"} {
		if got := s.clusterName(context); got != want {
			t.Errorf("context %q is cluster %q, want %q", context, got, want)
		}
	}
	s.written = []adopt.Cluster{{Name: "prod_eu"}, {Name: "prod_eu_2"}}
	if got := s.clusterName("prod eu"); got != "prod_eu_3" {
		t.Errorf("the third of a name is %q", got)
	}
}
