package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// SnapshotClass is the VolumeSnapshotClass for volumes of the sandbox's default
// StorageClass.
const SnapshotClass = csiClass

var (
	snapshotDefinitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	snapshotClasses     = schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: "volumesnapshotclasses"}
)

// StartSnapshots lets the cluster take snapshots of volumes until stop is
// called or this process ends. It builds what that needs first if need be, and
// waits while another process does the same for the same cluster.
func (c *Cluster) StartSnapshots(ctx context.Context, log io.Writer) (stop func() error, err error) {
	binary, err := snapshotController.binary(ctx, log)
	if err != nil {
		return nil, err
	}
	held, err := acquire(ctx, c.state("snapshots.lock"))
	if err != nil {
		return nil, fmt.Errorf("start the snapshots of the sandbox: %w", err)
	}
	if err := c.defineSnapshots(ctx); err != nil {
		held.release()
		return nil, fmt.Errorf("start the snapshots of the sandbox: %w", err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		held.release()
		return nil, fmt.Errorf("make the lifeline of the snapshots: %w", err)
	}
	defer func() { _ = theirs.Close() }()
	l := &launch{binary: binary, logs: filepath.Join(c.Dir, logsDir), home: c.state(""), lifeline: theirs}
	p, err := l.start("snapshots", []string{"-kubeconfig=" + c.Kubeconfig, "-driver=" + csiDriver})
	if err != nil {
		held.release()
		return nil, errors.Join(err, ours.Close())
	}
	return func() error {
		defer held.release()
		_ = ours.Close()
		_ = p.cmd.Process.Kill()
		return p.gone()
	}, nil
}

// defineSnapshots creates the definitions, as they come with the controller, and
// the class of the sandbox's CSI driver.
func (c *Cluster) defineSnapshots(ctx context.Context) error {
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	dir, err := definitionsDir(ctx)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "config", "crd", "snapshot.storage.k8s.io_*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no definitions in %s: %w", dir, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(data, &crd.Object); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if err := createOnce(ctx, client, snapshotDefinitions, crd); err != nil {
			return err
		}
	}
	class := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "metadata": map[string]any{"name": SnapshotClass},
		"driver": csiDriver, "deletionPolicy": "Delete",
	}}
	class.SetAnnotations(map[string]string{"snapshot.storage.kubernetes.io/is-default-class": "true"})
	return c.until(ctx, "the definitions of snapshots", func(ctx context.Context) error { return createOnce(ctx, client, snapshotClasses, class) })
}

func createOnce(ctx context.Context, client dynamic.Interface, r schema.GroupVersionResource, o *unstructured.Unstructured) error {
	_, err := client.Resource(r).Create(ctx, o, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}

// definitionsDir is where the module of the client, which brings the
// definitions, was downloaded to.
func definitionsDir(ctx context.Context) (string, error) {
	source, err := snapshotController.moduleDir()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/kubernetes-csi/external-snapshotter/client/v8")
	cmd.Dir, cmd.Env = source, buildEnv()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find the definitions of snapshots: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
