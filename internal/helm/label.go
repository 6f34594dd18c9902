package helm

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// DigestLabel shortens a digest so that it fits into a label value.
func DigestLabel(digest string) string {
	s := strings.Replace(digest, ":", "-", 1)
	return s[:min(len(s), validation.LabelValueMaxLength)]
}

// LabelValue returns a label value for any text: the text itself where it is
// one, else the nearest, with a digest that keeps different texts apart. Apply
// does this to the labels that it is given.
func LabelValue(text string) string {
	if len(validation.IsValidLabelValue(text)) == 0 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	near := strings.Map(func(r rune) rune {
		if r < 128 && (isWord(byte(r)) || r == '.') {
			return r
		}
		return '_'
	}, text)
	near = strings.Trim(near[:min(len(near), 50)], "-_.")
	return strings.TrimLeft(near+"-"+hex.EncodeToString(sum[:6]), "-")
}

// stamp replaces the labels of soctalk that a revision inherited.
func stamp(inherited, own map[string]string, revision int) map[string]string {
	out := map[string]string{}
	for k, v := range inherited {
		if !strings.HasPrefix(k, labelPrefix) {
			out[k] = v
		}
	}
	for k, v := range own {
		out[k] = LabelValue(v)
	}
	out[LabelRevision] = strconv.Itoa(revision)
	return out
}
