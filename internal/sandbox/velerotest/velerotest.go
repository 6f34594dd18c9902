// Package velerotest gives tests a stand-in for Velero, whose images a sandbox
// cannot run: the definitions of velero.io, and a controller that does what
// Velero's documentation says becomes of Backups, Restores and
// DeleteBackupRequests, as far as volumes go. The volumes are really saved and
// restored, by the snapshots of the sandbox.
package velerotest

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

// Namespace is where the stand-in works.
const Namespace = "velero"

// The BackupStorageLocations that there are. Default is the one of a Backup that
// names none.
const (
	Default     = "default"
	ReadOnly    = "read-only"
	Unavailable = "unavailable"
)

// Behaves is the annotation of a namespace that says what becomes of its next
// Backups and Restores: one of the values below. Without it they succeed.
const (
	Behaves = "sandbox.soctalk.io/velero"

	BackupFails  = "backup-fails"  // Failed, with a reason
	PartlyFails  = "partly-fails"  // PartiallyFailed
	Invalid      = "invalid"       // FailedValidation
	SkipsVolumes = "skips-volumes" // Completed, with no volume in it
	CopiesFiles  = "copies-files"  // Completed, each volume copied by a PodVolumeBackup
	NeverBegins  = "never-begins"
	RestoreFails = "restore-fails"
)

//go:embed definitions.yaml
var definitions []byte

var started struct {
	sync.Once
	err error
}

// Start gives the shared sandbox the stand-in, once. It ends with the process.
func Start(t testing.TB) {
	t.Helper()
	sandboxtest.Snapshots(t)
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	started.Do(func() {
		client, err := dynamic.NewForConfig(config)
		if err != nil {
			started.err = err
			return
		}
		s := &server{client: client, seen: map[string]bool{}, saved: map[string][]saved{}}
		if started.err = s.define(context.Background()); started.err == nil {
			go s.run(context.Background())
		}
	})
	if started.err != nil {
		t.Fatal(started.err)
	}
}

var (
	crds       = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	claims     = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
)

func velero(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "velero.io", Version: "v1", Resource: resource}
}

// define creates the definitions, the namespace and the locations.
func (s *server) define(ctx context.Context) error {
	var kinds []struct {
		Plural, Kind, Version string
		Spec, Status          map[string]any
	}
	if err := yaml.Unmarshal(definitions, &kinds); err != nil {
		return fmt.Errorf("read the definitions of velero.io: %w", err)
	}
	for _, k := range kinds {
		properties := map[string]any{}
		for name, fields := range map[string]map[string]any{"spec": k.Spec, "status": k.Status} {
			properties[name] = map[string]any{"type": "object", "properties": fields}
		}
		crd := object(map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": k.Plural + ".velero.io"},
			"spec": map[string]any{
				"group": "velero.io", "scope": "Namespaced",
				"names": map[string]any{"plural": k.Plural, "kind": k.Kind, "listKind": k.Kind + "List"},
				"versions": []any{map[string]any{
					"name": k.Version, "served": true, "storage": true,
					"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "properties": properties}},
				}},
			},
		})
		if err := once(s.client.Resource(crds).Create(ctx, crd, metav1.CreateOptions{})); err != nil {
			return err
		}
	}
	if err := once(s.client.Resource(namespaces).Create(ctx, object(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": Namespace}}), metav1.CreateOptions{})); err != nil {
		return err
	}
	for name, state := range map[string]struct{ mode, phase, message string }{
		Default: {"ReadWrite", "Available", ""}, ReadOnly: {"ReadOnly", "Available", ""}, Unavailable: {"ReadWrite", "Unavailable", "the bucket does not answer"},
	} {
		location := object(map[string]any{
			"apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": map[string]any{"name": name, "namespace": Namespace},
			"spec":   map[string]any{"default": name == Default, "accessMode": state.mode, "provider": "sandbox"},
			"status": map[string]any{"phase": state.phase, "message": state.message},
		})
		for { // until the definition is served
			err := once(s.client.Resource(velero("backupstoragelocations")).Namespace(Namespace).Create(ctx, location, metav1.CreateOptions{}))
			if err == nil {
				break
			}
			if !apierrors.IsNotFound(err) {
				return err
			}
			time.Sleep(lookEvery)
		}
	}
	return nil
}

// once takes what is there already for what was made.
func once(_ *unstructured.Unstructured, err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func object(fields map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: maps.Clone(fields)}
}
