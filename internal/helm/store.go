package helm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

func digestOf(stored []byte) string {
	sum := sha256.Sum256(stored)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// store is Helm's own storage in Secrets for the time of one action, with three
// differences: the history is read from labels, and of its bodies only the
// newest; a new revision gets the labels of this action instead of inherited
// ones; and a revision that a way back needs is not deleted when Helm trims the
// history.
type store struct {
	*driver.Secrets
	client  *Client
	secrets typedcorev1.SecretInterface

	namespace, name string
	options         ApplyOptions
	// base is the revision that the action was decided on, where that matters.
	base *Release
	// created is the revision that the action made, if it came that far.
	created int
	// written is the Secret that was updated last.
	written *corev1.Secret
	// kept are the Secrets of the revisions that stay.
	kept map[string]bool
	// history is what Query answered before anything was written: Helm asks
	// several times.
	history []*release.Release
}

func (c *Client) store(namespace, name string, o ApplyOptions) *store {
	s := c.cluster.Typed().CoreV1().Secrets(namespace)
	made := &store{client: c, secrets: s, namespace: namespace, name: name, options: o}
	made.Secrets = driver.NewSecrets(noted{s, made})
	return made
}

// Query answers Helm's question for the history of a release; any other goes
// to Helm's own storage.
func (s *store) Query(labels map[string]string) ([]*release.Release, error) {
	if len(labels) != 2 || labels["owner"] != "helm" || labels["name"] != s.name {
		return s.Secrets.Query(labels)
	}
	if s.history != nil {
		return slices.Clone(s.history), nil
	}
	history, err := s.client.History(context.Background(), s.namespace, s.name)
	if _, none := err.(*NotFoundError); none {
		return nil, driver.ErrReleaseNotFound
	}
	if err != nil {
		return nil, err
	}
	s.kept = map[string]bool{}
	for n := range s.options.keeps(history) {
		s.kept[secretName(s.name, n)] = true
	}
	var all []*release.Release
	for i, m := range history {
		if i > 0 {
			all = append(all, &release.Release{
				Name: m.Name, Namespace: m.Namespace, Version: m.Revision, Labels: m.Labels,
				Info: &release.Info{Status: release.Status(m.Status)},
			})
			continue
		}
		newest, err := s.newest(m)
		if err != nil {
			return nil, err
		}
		all = append(all, newest)
	}
	s.history = all
	return slices.Clone(all), nil
}

// newest reads the newest revision, and holds it against the one that the
// action was decided on.
func (s *store) newest(m Meta) (*release.Release, error) {
	stored, err := s.body(m)
	if err != nil {
		return nil, err
	}
	if s.base != nil && (s.base.Revision != m.Revision || s.base.BodyDigest != digestOf(stored)) {
		return nil, &StaleError{Namespace: s.namespace, Name: s.name, Expected: s.base.Revision, Found: m.Revision}
	}
	// From here on the release changes by this action's own hand.
	s.base = nil
	r := &release.Release{}
	if err := unpack(stored, r); err != nil {
		return nil, &CorruptError{Namespace: s.namespace, Name: s.name, Revision: m.Revision, Why: err.Error()}
	}
	if r.Info == nil || r.Chart == nil {
		return nil, &CorruptError{Namespace: s.namespace, Name: s.name, Revision: m.Revision, Why: "its body lacks the release's state or chart"}
	}
	r.Labels = m.Labels
	return r, nil
}

// body reads what is stored of a revision, unless it is in hand as the base.
func (s *store) body(m Meta) ([]byte, error) {
	if s.base != nil && s.base.stored != nil && s.base.State == m.State {
		return s.base.stored, nil
	}
	secret, err := s.secrets.Get(context.Background(), secretName(m.Name, m.Revision), metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading revision %d: %w", m.Revision, s.client.cluster.Explain(err))
	}
	return secret.Data["release"], nil
}

// made returns a revision as this action stored it last.
func (s *store) made(revision int) (*Release, error) {
	if s.written == nil || s.written.Name != secretName(s.name, revision) {
		return s.client.Get(context.Background(), s.namespace, s.name, revision)
	}
	r, err := decode(s.written)
	if err != nil {
		return nil, &CorruptError{Namespace: s.namespace, Name: s.name, Revision: revision, Why: err.Error()}
	}
	return r, nil
}

// noted keeps what the API server answers to the last update.
type noted struct {
	typedcorev1.SecretInterface
	store *store
}

// Update implements typedcorev1.SecretInterface.
func (n noted) Update(ctx context.Context, secret *corev1.Secret, o metav1.UpdateOptions) (*corev1.Secret, error) {
	written, err := n.SecretInterface.Update(ctx, secret, o)
	if err == nil {
		n.store.written = written
	}
	return written, err
}

// Create stores a new revision.
func (s *store) Create(key string, r *release.Release) error {
	s.history = nil
	r.Labels = stamp(r.Labels, s.options.Labels, r.Version)
	err := s.Secrets.Create(key, r)
	if err == nil {
		s.created = r.Version
	}
	return err
}

// Update replaces a stored revision.
func (s *store) Update(key string, r *release.Release) error {
	s.history = nil
	return s.Secrets.Update(key, r)
}

// Delete does not read what it deletes, as Helm's own does.
func (s *store) Delete(key string) (*release.Release, error) {
	if s.kept[key] {
		return &release.Release{}, nil
	}
	s.history = nil
	err := s.secrets.Delete(context.Background(), key, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil, driver.ErrReleaseNotFound
	}
	return &release.Release{}, err
}
