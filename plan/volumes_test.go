package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
)

func TestChooseClass(t *testing.T) {
	t.Parallel()
	one := []SnapshotClass{{Name: "other", Driver: "other.csi"}, {Name: "fast", Driver: "disk.csi"}}
	several := append([]SnapshotClass{{Name: "slow", Driver: "disk.csi"}}, one...)
	withDefault := append([]SnapshotClass{{Name: "usual", Driver: "disk.csi", Default: true}}, several...)
	for name, c := range map[string]struct {
		classes            []SnapshotClass
		driver, named      string
		want, problem      string
		cannotBeSnapshoted bool
	}{
		"the only one of its driver":  {one, "disk.csi", "", "fast", "", false},
		"the one that is named":       {several, "disk.csi", "slow", "slow", "", false},
		"the named one, not default":  {withDefault, "disk.csi", "fast", "fast", "", false},
		"the driver's default":        {withDefault, "disk.csi", "", "usual", "", false},
		"several and no default":      {several, "disk.csi", "", "", "set class to one of slow, fast", false},
		"named is another driver's":   {one, "disk.csi", "other", "", "is for driver other.csi", false},
		"named does not exist":        {one, "disk.csi", "none", "", "there is no VolumeSnapshotClass none; driver disk.csi has fast", false},
		"none for the driver":         {one, "rancher.io/local-path", "", "", "no VolumeSnapshotClass is for driver rancher.io/local-path", true},
		"none for it, one is named":   {one, "rancher.io/local-path", "fast", "", "no VolumeSnapshotClass is for driver rancher.io/local-path", true},
		"no snapshots in the cluster": {nil, "disk.csi", "", "", "no VolumeSnapshotClass is for driver disk.csi", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ChooseClass(c.classes, c.driver, c.named)
			var none *NoClassError
			if got != c.want || errors.As(err, &none) != c.cannotBeSnapshoted || (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("got %q, %v; want %q, %q", got, err, c.want, c.problem)
			}
		})
	}
}

// saving is a fleet whose tenants go a breaking hop and save their volumes
// first; each has a claim of the named StorageClass.
func saving(accept schema.Acceptance, classes map[string]string) *world {
	w := newWorld("0.2.1", "0.2.1")
	w.live.Volumes = map[string]*Volumes{schema.DefaultCluster: {
		Classes: []SnapshotClass{{Name: "disk", Driver: "disk.csi"}},
		Claims:  map[ClaimKey]VolumeClaim{},
	}}
	provisioners := map[string]string{"disk": "disk.csi", "local-path": "rancher.io/local-path"}
	for slug, class := range classes {
		t := w.tenant(slug, "0.2.0", "0.2.1")
		t.Accept = accept
		t.Snapshots = []*schema.Snapshot{{Name: "volumes", Driver: "csi", When: "always", Recipients: []string{"age1"}}}
		before := append(objects(&t.Release, "0.2.0"), Object{
			"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": map[string]any{"name": "data-" + slug, "namespace": t.Namespace},
		})
		w.before[t.Address] = before
		w.rendered[t.Address].Objects = append(w.rendered[t.Address].Objects, before[len(before)-1])
		w.rendered[t.Address].Again = w.rendered[t.Address].Objects
		w.live.Volumes[schema.DefaultCluster].Claims[ClaimKey{t.Namespace, "data-" + slug}] = VolumeClaim{StorageClass: class, Provisioner: provisioners[class], Bound: true}
	}
	return w
}

func TestVolumesThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	accepts := schema.Acceptance{schema.NoSnapshotWord}
	for name, c := range map[string]struct {
		accept  schema.Acceptance
		classes map[string]string
		change  func(*world)
		want    []string
		unsaved []string
	}{
		"they can":         {nil, map[string]string{"acme": "disk"}, nil, nil, nil},
		"local-path":       {nil, map[string]string{"acme": "local-path"}, nil, []string{"error Volume cannot be snapshotted"}, nil},
		"told of together": {nil, map[string]string{"acme": "local-path", "beta": "local-path", "gamma": "disk"}, nil, []string{"error Volume cannot be snapshotted"}, nil},
		"accepted":         {accepts, map[string]string{"acme": "local-path"}, nil, []string{"warning Volume is not saved"}, []string{"data-acme"}},
		"accepts nothing":  {accepts, map[string]string{"acme": "disk"}, nil, []string{"warning Accepts nothing"}, nil},
		"never used": {nil, map[string]string{"acme": "local-path"}, func(w *world) {
			w.live.Volumes[schema.DefaultCluster].Claims[ClaimKey{"tenant-acme", "data-acme"}] = VolumeClaim{StorageClass: "local-path"}
		}, nil, nil},
		"not looked at": {nil, map[string]string{"acme": "local-path"}, func(w *world) { w.live.Volumes = nil }, nil, nil},
		"not readable": {nil, map[string]string{"acme": "disk"}, func(w *world) {
			w.live.Volumes[schema.DefaultCluster] = &Volumes{Problem: "forbidden"}
		}, []string{"warning Volumes could not be looked at"}, nil},
		"the named class is missing": {accepts, map[string]string{"acme": "disk"}, func(w *world) {
			w.fleet.Tenants[0].Snapshots[0].Class = "none"
		}, []string{"error No class for a volume's snapshot", "warning Accepts nothing"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := saving(c.accept, c.classes)
			if c.change != nil {
				c.change(w)
			}
			doc := w.plan()
			var got, unsaved []string
			for _, d := range doc.Diagnostics {
				got = append(got, string(d.Severity)+" "+d.Summary)
			}
			for _, s := range doc.Steps {
				unsaved = append(unsaved, s.Unsaved...)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.unsaved, unsaved); diff != "" {
				t.Error(diff)
			}
		})
	}
}
