package database

import (
	"context"
	"fmt"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secret reads the DSN from a Secret.
func secret(ctx context.Context, c *kube.Cluster, namespace string, at schema.SecretKey) (string, error) {
	what := fmt.Sprintf("read Secret %s/%s", namespace, at.Name)
	reading, cancel := c.Reading(ctx)
	defer cancel()
	s, err := c.Typed().CoreV1().Secrets(namespace).Get(reading, at.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", &Error{what, "it does not exist"}
	}
	if err != nil {
		return "", &Error{what, c.ExplainRead(err).Error()}
	}
	text := strings.TrimSpace(string(s.Data[at.Key]))
	if text == "" {
		return "", &Error{what, fmt.Sprintf("it has no key %q, or nothing in it", at.Key)}
	}
	return text, nil
}
