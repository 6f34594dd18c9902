package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/soctalk/fleet/internal/atomicfile"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// keyFile keeps the key for plans that are made before there is a system whose
// live release could give one.
const keyFile = ".soctalk/plan.key"

// systemKey derives the key for a plan's digests from the live system release,
// which only those who may apply can read. Before there is one it is random,
// and kept beside the configuration once a plan is saved.
func systemKey(root string, body *helm.Release) (plan.Key, error) {
	if body != nil && body.Status != "uninstalled" {
		return plan.NewKey([]byte(body.BodyDigest))
	}
	material, err := readKeyFile(root)
	if err != nil {
		return nil, err
	}
	return plan.NewKey(material)
}

func readKeyFile(root string) ([]byte, error) {
	path := filepath.Join(root, filepath.FromSlash(keyFile))
	material, err := os.ReadFile(path)
	if err == nil && len(material) >= 32 {
		return material, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the key for plan files: %w", err)
	}
	material = make([]byte, 32)
	_, _ = rand.Read(material) // never fails
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("keep a key for plan files: %w", err)
	}
	if err := atomicfile.Write(path, material, 0o600); err != nil {
		return nil, fmt.Errorf("keep a key for plan files: %w", err)
	}
	return material, nil
}

// whereOf tells a plan file which live release its key is made from.
func whereOf(f *schema.Fleet) planfile.Where {
	c := f.Clusters[f.System.Cluster]
	w := planfile.Where{Kubeconfig: c.Kubeconfig, Context: c.Context, Namespace: f.System.Namespace, Release: f.System.Name}
	if rel, err := filepath.Rel(f.Root, c.Kubeconfig); err == nil && c.Kubeconfig != "" && !strings.HasPrefix(rel, "..") {
		w.Kubeconfig = rel
	}
	return w
}

// clusterOf connects to the cluster of a plan file.
func clusterOf(ctx context.Context, root string, w planfile.Where) (*kube.Cluster, error) {
	kubeconfig := w.Kubeconfig
	if kubeconfig != "" && !filepath.IsAbs(kubeconfig) {
		kubeconfig = filepath.Join(root, kubeconfig)
	}
	k, err := kube.New(kube.Config{Kubeconfig: kubeconfig, Context: w.Context, UserAgent: userAgent()})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster of the plan: %w", err)
	}
	if err := k.Check(ctx); err != nil {
		return nil, fmt.Errorf("connect to the cluster of the plan: %w", err)
	}
	return k, nil
}

// keyOf reads the key of a plan file from the live system.
func keyOf(ctx context.Context, k *kube.Cluster, root string, w planfile.Where) (plan.Key, error) {
	body, err := helm.New(k, helm.Options{}).Get(ctx, w.Namespace, w.Release, 0)
	var gone *helm.NotFoundError
	if err != nil && !errors.As(err, &gone) {
		return nil, fmt.Errorf("read the live system: %w", err)
	}
	return systemKey(root, body)
}

// inputs are what the configuration was loaded with, for a plan file.
func (v *variables) inputs(env []string) planfile.Inputs {
	in := planfile.Inputs{Vars: v.pairs, VarFiles: v.files, Order: string(v.order)}
	for _, e := range env {
		if strings.HasPrefix(e, schema.EnvPrefix) {
			in.Env = append(in.Env, e)
		}
	}
	return in
}
