package adopt

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/redact"
)

// What is taken for a secret is what a Secret of the release holds, what stands
// under a name that secrets have, and what looks like one. A text too many costs
// a variable, one too few is in a repository for good.
var (
	secretName = regexp.MustCompile(`(?i)(passw|passphrase|secret|token|api_?-?key|private_?-?key|signing_?-?key|encryption_?-?key|access_?-?key|license_?-?key|credential|auth_?-?key|dsn$|salt$)`)
	// A reference to a Secret is no secret, nor is what counts or bounds tokens.
	referenceName = regexp.MustCompile(`(?i)(^existing|(name|ref|path|file|checksum|enabled|ttl|seconds|limit|budget|count|class|type|mode|url|uri)$)`)
	// The address of a webhook is all that it takes to call it.
	webhookName  = regexp.MustCompile(`(?i)webhook`)
	secretNumber = regexp.MustCompile(`(?i)(passw|secret|pin$)`)
	secretParent = regexp.MustCompile(`(?i)^(secrets?|credentials?|stringData|secretData|passwords|tokens)$`)
	// userInfo is a password in a URL.
	userInfo   = regexp.MustCompile(`://[^/\s:@]*:[^/\s@]+@`)
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)
	knownForm  = regexp.MustCompile(`^(eyJ[A-Za-z0-9_-]{8}|sk-|ghp_|gho_|glpat-|xox[a-z]-|AKIA|AIza|hvs\.)`)
	assignment = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|secret|token|api[_-]?key)["']?\s*[:=]\s*\S`)
	uuid       = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	word       = regexp.MustCompile(`^[A-Za-z0-9+/=_-]{16,}$`)
)

// long is from when on a text is looked for within others.
const long = 6

// judge tells secrets among the values of one release.
type judge struct {
	// held are what Secrets hold, public what may be told: names and versions.
	held, public []string
}

func newJudge(r *Release, known []string, public ...string) *judge {
	j := &judge{public: append(public, r.Name, r.Namespace, r.Chart, r.Version, r.AppVersion)}
	for _, s := range append(slices.Clone(r.Secrets), known...) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(j.public, s) {
			j.held = append(j.held, s)
		}
	}
	return j
}

// secret says whether a value under a path is one.
func (j *judge) secret(path []string, v any) bool {
	name := ""
	if len(path) > 0 {
		name = path[len(path)-1]
	}
	named := secretName.MatchString(name) && !referenceName.MatchString(name) || webhookName.MatchString(name)
	switch x := v.(type) {
	case string:
		return x != "" && (named || j.inside(path, x) || j.known(x) || looksSecret(x))
	case int64, float64:
		return secretNumber.MatchString(name) && !referenceName.MatchString(name)
	}
	return false
}

// inside says whether a text stands below a name for secrets.
func (j *judge) inside(path []string, text string) bool {
	return !slices.Contains(j.public, text) && len(path) > 1 && slices.ContainsFunc(path[:len(path)-1], secretParent.MatchString)
}

// known says whether a Secret holds a text, or the text something of a Secret.
func (j *judge) known(text string) bool {
	if slices.Contains(j.public, text) {
		return false
	}
	for _, s := range j.held {
		if s == text && len(text) > 2 || len(text) >= 2*long && strings.Contains(s, text) {
			return true
		}
	}
	return redact.Holds(text, slices.DeleteFunc(slices.Clone(j.held), func(s string) bool { return len(s) < 2*long }))
}

func looksSecret(text string) bool {
	switch {
	case userInfo.MatchString(text), privateKey.MatchString(text), knownForm.MatchString(text), assignment.MatchString(text):
		return true
	case uuid.MatchString(text):
		return false
	}
	return word.MatchString(text) && strings.ContainsAny(text, "0123456789") && strings.ContainsAny(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz") && entropy(text) > 3.5
}

// entropy is that of a text's bytes, in bits.
func entropy(text string) float64 {
	var counts [256]float64
	for i := range len(text) {
		counts[text[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := n / float64(len(text))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
