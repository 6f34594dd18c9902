package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/store"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secretsAtOnce bounds what is held of a namespace's Secrets.
const secretsAtOnce = 50

// saveState puts the Secrets of a release's namespace beside the snapshot,
// encrypted: passwords and keys that were generated once, and Helm's record of
// the live revision. What comes out of age is a list that kubectl applies.
func (t *Taker) saveState(ctx context.Context, a *Attempt) error {
	k, err := t.fleet.cluster(a.Record)
	if err != nil {
		return err
	}
	recipients, err := age.ParseRecipients(strings.NewReader(strings.Join(a.Config.Recipients, "\n")))
	if err != nil {
		return errors.New("one of the recipients is no public key of age")
	}
	st, err := store.Open(ctx, a.Record.Store, t.fleet.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	n := 0
	object, err := st.Put(ctx, stateName(a.Record), 0, func(w io.Writer) (err error) {
		sealed, err := age.Encrypt(w, recipients...)
		if err != nil {
			return err
		}
		if n, err = writeSecrets(ctx, k, a.Record, sealed); err != nil {
			return err
		}
		return sealed.Close()
	})
	if err != nil {
		return fmt.Errorf("save the Secrets of namespace %s: %w", a.Record.Namespace, err)
	}
	if err := st.Get(ctx, object, func(io.Reader) error { return nil }); err != nil {
		return fmt.Errorf("read the saved Secrets of namespace %s back: %w", a.Record.Namespace, err)
	}
	a.Record.Secrets = &plan.SavedSecrets{Object: object.Name, Size: object.Size, SHA256: object.SHA256, Count: n, Recipients: a.Config.Recipients}
	return nil
}

// writeSecrets writes the Secrets that a way back may need, as one list.
func writeSecrets(ctx context.Context, k *kube.Cluster, s *plan.Snapshot, to io.Writer) (n int, err error) {
	if _, err := io.WriteString(to, `{"apiVersion":"v1","kind":"List","items":[`); err != nil {
		return 0, err
	}
	options := metav1.ListOptions{Limit: secretsAtOnce}
	for {
		page, err := k.Typed().CoreV1().Secrets(s.Namespace).List(ctx, options)
		if err != nil {
			return 0, k.Explain(err)
		}
		for i := range page.Items {
			if !wanted(&page.Items[i], s) {
				continue
			}
			data, err := json.Marshal(again(&page.Items[i]))
			if err != nil {
				return 0, fmt.Errorf("encode Secret %s: %w", page.Items[i].Name, err)
			}
			if n > 0 {
				data = append([]byte(",\n"), data...)
			}
			if _, err := to.Write(data); err != nil {
				return 0, err
			}
			n++
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	_, err = io.WriteString(to, "]}\n")
	return n, err
}

// wanted leaves out what Kubernetes makes anew, the plans of runs, and all of
// Helm's history but the revision that is live.
func wanted(x *corev1.Secret, s *plan.Snapshot) bool {
	switch x.Type {
	case corev1.SecretTypeServiceAccountToken, "soctalk.io/plan":
		return false
	case "helm.sh/release.v1":
		return x.Labels["name"] == s.Release && x.Labels["version"] == strconv.Itoa(s.Revision)
	}
	return true
}

// again is a Secret as it is made, without what the server says of it.
func again(x *corev1.Secret) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: x.Namespace, Name: x.Name, Labels: x.Labels, Annotations: x.Annotations},
		Type:       x.Type, Data: x.Data, Immutable: x.Immutable,
	}
}

// dropState removes saved Secrets, also such as were torn.
func (t *Taker) dropState(ctx context.Context, s *plan.Snapshot) error {
	if s.Store == "" {
		return nil
	}
	st, err := store.Open(ctx, s.Store, t.fleet.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	return st.Delete(ctx, stateName(s))
}

func stateName(s *plan.Snapshot) string {
	return fmt.Sprintf("%s/%s/%s.secrets.age", s.Namespace, s.Release, s.ID)
}
