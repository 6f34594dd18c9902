package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/soctalk/fleet/internal/adopt"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/soctalk/fleet/schema"
	"golang.org/x/sync/errgroup"
)

// survey is what was found on the clusters.
type survey struct {
	releases []*adopt.Release
	written  []adopt.Cluster
	database adopt.DatabaseSecret
	remarks  []remark

	mu sync.Mutex
}

// remark is something that a person has to know of an import.
type remark struct{ summary, detail string }

// survey reads the newest revision of every release on the clusters.
func (a *app) survey(ctx context.Context, flags *importFlags) (*survey, error) {
	defer a.working("Reading what is live")()
	s := &survey{}
	contexts := flags.contexts
	if len(contexts) == 0 {
		contexts = []string{""}
	}
	for _, name := range contexts {
		k, err := kube.New(kube.Config{Kubeconfig: kubeconfigPath(a, flags), Context: name, UserAgent: userAgent()})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", connecting(name), err)
		}
		if err := k.Check(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", connecting(name), err)
		}
		cluster := adopt.Cluster{Kubeconfig: seenFrom(a.path(flags.out), kubeconfigPath(a, flags)), Context: name}
		if name != "" || flags.kubeconfig != "" {
			cluster.Name = s.clusterName(name)
		}
		s.written = append(s.written, cluster)
		client := helm.New(k, helm.Options{})
		if err := s.cluster(ctx, client, cluster.Name, flags.namespaces); err != nil {
			return nil, err
		}
		if err := s.findDatabase(ctx, k, cluster.Name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// connecting says to which cluster.
func connecting(context string) string {
	if context == "" {
		return "connect to the cluster"
	}
	return fmt.Sprintf("connect to the cluster of context %q", context)
}

func kubeconfigPath(a *app, flags *importFlags) string {
	if flags.kubeconfig == "" || filepath.IsAbs(flags.kubeconfig) {
		return flags.kubeconfig
	}
	return a.path(flags.kubeconfig)
}

// seenFrom is a path as the files in a folder have to write it.
func seenFrom(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}

// clusterName makes a name for a block of a context's that no other has.
func (s *survey) clusterName(context string) string {
	name := clusterName(context)
	for n := 2; slices.ContainsFunc(s.written, func(c adopt.Cluster) bool { return c.Name == name }); n++ {
		name = fmt.Sprintf("%s_%d", clusterName(context), n)
	}
	return name
}

func clusterName(context string) string {
	if context == "" {
		return "main"
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(context))
	if name[0] >= '0' && name[0] <= '9' || name[0] == '-' {
		name = "c" + name
	}
	return name
}

func (s *survey) cluster(ctx context.Context, client *helm.Client, name string, namespaces []string) error {
	metas, err := client.List(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(defaultParallelism)
	for _, m := range metas {
		if !matchesPattern(namespaces, m.Namespace) {
			continue
		}
		group.Go(func() error {
			body, err := client.Get(ctx, m.Namespace, m.Name, m.Revision)
			var damaged *helm.CorruptError
			if errors.As(err, &damaged) {
				s.remark("Release left out", "release %s in namespace %s cannot be read, so it is left out: %v.", m.Name, m.Namespace, err)
				return nil
			}
			if err != nil {
				return err
			}
			return s.add(name, body)
		})
	}
	return group.Wait()
}

func matchesPattern(patterns []string, namespace string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := filepath.Match(p, namespace) // checked before
		return ok
	})
}

func (s *survey) remark(summary, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remarks = append(s.remarks, remark{summary, prose.Capital(fmt.Sprintf(format, args...))})
}

func (s *survey) add(cluster string, body *helm.Release) error {
	r := &adopt.Release{
		Cluster: cluster, Namespace: body.Namespace, Name: body.Name, Status: body.Status,
		Chart: body.ChartName, Version: body.ChartVersion, AppVersion: body.AppVersion, Config: body.Config,
	}
	if len(body.ChartDefaults) > 0 {
		if err := json.Unmarshal(body.ChartDefaults, &r.Defaults); err != nil {
			return fmt.Errorf("the default values of the chart of release %s/%s cannot be read", body.Namespace, body.Name)
		}
	}
	texts, err := body.SecretTexts()
	if err != nil {
		s.remark("Release left out", "the manifest of release %s in namespace %s cannot be read, so it is left out: %v.", body.Name, body.Namespace, err)
		return nil
	}
	r.Secrets = texts
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releases = append(s.releases, r)
	return nil
}

// system is the one of a cluster, if there is one. Another cluster may have such
// a namespace and such a Secret too, of a database that is not this fleet's.
func (s *survey) system(cluster string) *adopt.Release {
	for _, r := range s.releases {
		if r.Cluster == cluster && r.Chart == adopt.SystemChart && !r.Gone() {
			return r
		}
	}
	return nil
}

// findDatabase tries the way into the system's database that SocTalk's chart
// makes, on the cluster that the system runs on. Where it does not work, the
// files say nothing of a database: a plan that cannot read it would be refused.
func (s *survey) findDatabase(ctx context.Context, k *kube.Cluster, cluster string) error {
	system := s.system(cluster)
	if system == nil {
		return nil
	}
	secret := schema.SecretKey{Name: system.Name + "-postgres-admin-creds", Key: "url"}
	db := observe.ReadDatabase(ctx, k, &schema.Database{DSNSecret: &secret}, system.Namespace)
	if db.Problem != "" {
		s.remark("Database not reached", "the schema revision of the system's database could not be read by the Secret %s, so the files have no database block: %s. Without one, plans take the revision from the charts, and no snapshot can be taken of it.", secret.Name, db.Problem)
		return ctx.Err()
	}
	s.database = adopt.DatabaseSecret{Name: secret.Name, Key: secret.Key}
	return nil
}
