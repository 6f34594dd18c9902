package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// readyEvery is how often it is looked whether a snapshot is ready, a claim
	// bound or an object gone.
	readyEvery = 500 * time.Millisecond
	// patience is how long a storage driver may fail: it tries again by itself.
	patience = time.Minute
)

// csi takes a VolumeSnapshot of each of a release's claims, which stay in the
// claims' namespace.
type csi struct{ fleet *Fleet }

// Check implements Driver. It notes in the record what will be saved, and under
// which names.
func (d *csi) Check(ctx context.Context, c *schema.Snapshot, s *plan.Snapshot) error {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	t, err := readTenancy(ctx, k, s.Namespace)
	if err != nil {
		return err
	}
	classes, err := classesOf(ctx, k)
	if err != nil {
		return err
	}
	s.Claims, s.Unsaved = nil, nil
	var problems []error
	for _, claim := range t.claimsOf(s.Namespace, s.Release) {
		if claim.Spec.VolumeName == "" {
			continue // nothing was ever written
		}
		driver, err := driverOf(ctx, k, claim)
		if err != nil {
			return err
		}
		one := describeClaim(claim)
		one.Class, err = plan.ChooseClass(classes, driver, c.Class)
		var none *plan.NoClassError
		switch {
		case errors.As(err, &none) && d.accepts(s):
			s.Unsaved = append(s.Unsaved, claim.Name)
		case err != nil:
			problems = append(problems, fmt.Errorf("claim %s/%s: %w", claim.Namespace, claim.Name, err))
		default:
			one.Snapshot = fmt.Sprintf("soctalk-%s-%d", strings.ToLower(s.ID), len(s.Claims))
			s.Claims = append(s.Claims, one)
		}
	}
	return errors.Join(problems...)
}

// accepts says whether the files accept that volumes of a release are not saved.
func (d *csi) accepts(s *plan.Snapshot) bool {
	for _, r := range d.fleet.Files.Releases() {
		if r.Address == s.Address {
			return r.Accept.NoSnapshot()
		}
	}
	return false
}

// Writers implements Driver.
func (d *csi) Writers(ctx context.Context, s *plan.Snapshot) ([]plan.Scaled, error) {
	return d.fleet.mounting(ctx, s)
}

// Take implements Driver. All snapshots are asked for before the first is waited
// for, so that they show the same moment as nearly as can be.
func (d *csi) Take(ctx context.Context, a *Attempt) error {
	k, err := d.fleet.cluster(a.Record)
	if err != nil {
		return err
	}
	s := a.Record
	for _, name := range s.Unsaved {
		a.Report.Log(fmt.Sprintf("claim %s is not saved, as accepted: its volume cannot be snapshotted", name))
	}
	if len(s.Claims) == 0 {
		a.Report.Log(fmt.Sprintf("release %s has no volumes to save", s.Release))
	}
	taken := time.Now().UTC()
	for _, c := range s.Claims {
		if err := createVolumeSnapshot(ctx, k, s, c); err != nil {
			return err
		}
	}
	made, err := untilReady(ctx, k, s, a.Report)
	if err != nil {
		return err
	}
	for i := range s.Claims {
		v := made[s.Claims[i].Snapshot]
		s.Claims[i].Content, s.Claims[i].Size = v.content, v.size
		if !v.taken.IsZero() && v.taken.Before(taken) {
			taken = v.taken.UTC()
		}
	}
	s.Taken = &taken
	return nil
}

// untilReady waits until every snapshot of a record can be restored from.
func untilReady(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, report apply.Report) (map[string]volumeSnapshot, error) {
	var made map[string]volumeSnapshot
	var last error
	failing := map[string]time.Time{}
	err := wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		var err error
		if made, err = listVolumeSnapshots(ctx, k, s); err != nil {
			return false, err
		}
		ready := 0
		last = nil
		for _, c := range s.Claims {
			v, is := made[c.Snapshot]
			switch {
			case !is || v.going:
				return false, fmt.Errorf("VolumeSnapshot %s/%s was deleted while it was taken", s.Namespace, c.Snapshot)
			case v.ready:
				ready++
			case v.problem != "":
				last = fmt.Errorf("claim %s/%s: %s", s.Namespace, c.Claim, v.problem)
				if failing[c.Claim].IsZero() {
					failing[c.Claim] = time.Now()
				}
				if time.Since(failing[c.Claim]) > patience {
					return false, last
				}
			}
			if v.problem == "" {
				delete(failing, c.Claim)
			}
		}
		report.Status(fmt.Sprintf("%d of %d volumes saved", ready, len(s.Claims)))
		return ready == len(s.Claims), nil
	})
	if err != nil && last != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), last)
	}
	return made, err
}

// Verify implements Driver.
func (d *csi) Verify(ctx context.Context, s *plan.Snapshot) error {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	made, err := listVolumeSnapshots(ctx, k, s)
	if err != nil {
		return err
	}
	var problems []error
	for _, c := range s.Claims {
		problems = append(problems, verifyClaim(ctx, k, s, c, made))
	}
	return errors.Join(problems...)
}

func verifyClaim(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, c plan.ClaimSnapshot, made map[string]volumeSnapshot) error {
	v, is := made[c.Snapshot]
	switch {
	case !is:
		return fmt.Errorf("VolumeSnapshot %s/%s of claim %s is gone", s.Namespace, c.Snapshot, c.Claim)
	case v.going:
		return fmt.Errorf("VolumeSnapshot %s/%s of claim %s is being deleted", s.Namespace, c.Snapshot, c.Claim)
	case !v.ready:
		return fmt.Errorf("VolumeSnapshot %s/%s of claim %s is not ready to use: %s", s.Namespace, c.Snapshot, c.Claim, v.problem)
	case v.content != c.Content:
		return fmt.Errorf("VolumeSnapshot %s/%s of claim %s is another one than was taken", s.Namespace, c.Snapshot, c.Claim)
	}
	_, err := k.Metadata().Resource(contents).Get(ctx, v.content, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("VolumeSnapshotContent %s of claim %s/%s is gone", v.content, s.Namespace, c.Claim)
	}
	if err != nil && !apierrors.IsForbidden(err) {
		return fmt.Errorf("look at VolumeSnapshotContent %s: %w", v.content, k.Explain(err))
	}
	_, err = waitsForPod(ctx, k, c.StorageClass)
	return err
}

// Delete implements Driver. The storage's own snapshots go too, whatever their
// class says of snapshots that somebody else deletes.
func (d *csi) Delete(ctx context.Context, s *plan.Snapshot) error {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	if err := removeScratch(ctx, k, s); err != nil {
		return err
	}
	made, err := listVolumeSnapshots(ctx, k, s)
	if err != nil {
		return err
	}
	for _, v := range made {
		if err := deleteVolumeSnapshot(ctx, k, s.Namespace, v); err != nil {
			return err
		}
	}
	return untilGone(ctx, k, s, volumeSnapshots)
}

func deleteVolumeSnapshot(ctx context.Context, k *kube.Cluster, namespace string, v volumeSnapshot) error {
	if v.content != "" {
		err := patch(ctx, k, contents, "", v.content, map[string]any{"spec": map[string]any{"deletionPolicy": "Delete"}})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("let VolumeSnapshotContent %s go with its snapshot: %w", v.content, k.Explain(err))
		}
	}
	err := k.Dynamic().Resource(volumeSnapshots).Namespace(namespace).Delete(ctx, v.name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete VolumeSnapshot %s/%s: %w", namespace, v.name, k.Explain(err))
	}
	return nil
}

// untilGone waits until nothing of a kind is left that was made for a snapshot.
func untilGone(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, kind kschema.GroupVersionResource) error {
	err := wait.PollUntilContextCancel(ctx, readyEvery, true, func(ctx context.Context) (bool, error) {
		list, err := k.Metadata().Resource(kind).Namespace(s.Namespace).List(ctx, madeFor(s))
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, k.Explain(err)
		}
		return len(list.Items) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait for the %s of snapshot %s in namespace %s to go: %w", kind.Resource, s.ID, s.Namespace, err)
	}
	return nil
}
