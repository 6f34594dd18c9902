package adopt

import (
	"math"
	"regexp"
	"slices"
	"strings"
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
	userInfo   = regexp.MustCompile(`://[^/\s:@]*:([^/\s@]+)@`)
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)
	knownForm  = regexp.MustCompile(`^(eyJ[A-Za-z0-9_-]{8}|sk-|ghp_|gho_|glpat-|xox[a-z]-|AKIA|AIza|hvs\.)`)
	assignment = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|secret|token|api[_-]?key)["']?\s*[:=]\s*\S`)
	uuid       = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	word       = regexp.MustCompile(`^[A-Za-z0-9+/=_-]{16,}$`)
)

// reference is what Kubernetes and shells put a secret in the place of.
var reference = regexp.MustCompile(`^\$(\w+|\(.*\)|\{.*\})$`)

// judge tells secrets among the values of one release.
type judge struct {
	// held are what its Secrets hold, and hidden what is a secret elsewhere.
	held, hidden []string
	// within finds both in other texts.
	within []search
	// public is what may be told: names and versions.
	public map[string]bool
}

// newJudge is told what is hidden elsewhere, as a list and to search for it.
func newJudge(r *Release, hidden []string, within search, public map[string]bool) *judge {
	j := &judge{hidden: hidden, public: public}
	for _, s := range r.Secrets {
		if s = strings.TrimSpace(s); s != "" && !public[s] {
			j.held = append(j.held, s)
		}
	}
	j.within = []search{newSearch(parts(j.held)), within}
	return j
}

// parts are secrets and the passwords of those that are URLs.
func parts(secrets []string) []string {
	all := slices.Clone(secrets)
	for _, s := range secrets {
		for _, m := range userInfo.FindAllStringSubmatch(s, -1) {
			if !reference.MatchString(m[1]) {
				all = append(all, m[1])
			}
		}
	}
	return all
}

// secret says whether a value under a path is one.
func (j *judge) secret(path []string, v any) bool {
	name := ""
	if len(path) > 0 {
		name = path[len(path)-1]
	}
	switch x := v.(type) {
	case string:
		named := secretName.MatchString(name) && !referenceName.MatchString(name) || webhookName.MatchString(name)
		return x != "" && (named || !j.public[x] && below(path) || j.known(x) || looksSecret(x))
	case int64, float64:
		return secretNumber.MatchString(name) && !referenceName.MatchString(name) || j.holds(literal(x))
	}
	return false
}

// key says whether a name below a path is itself a secret, as where tokens stand
// for those who have them.
func (j *judge) key(path []string, name string) bool {
	return j.holds(name) || below(append(path[:len(path):len(path)], name)) && looksSecret(name)
}

// below says whether a path leads through a name for secrets.
func below(path []string) bool {
	return len(path) > 1 && slices.ContainsFunc(path[:len(path)-1], secretParent.MatchString)
}

// known says whether a Secret holds a text, or the text something of a Secret.
func (j *judge) known(text string) bool {
	if j.public[text] {
		return false
	}
	for _, s := range j.held {
		if s == text && len(text) > 2 {
			return true
		}
	}
	part := func(s string) bool { return strings.Contains(s, text) }
	return len(text) >= 2*long && (slices.ContainsFunc(j.held, part) || slices.ContainsFunc(j.hidden, part)) || j.holds(text)
}

// holds says whether a text that may not be told stands in another one.
func (j *judge) holds(text string) bool {
	return !j.public[text] && slices.ContainsFunc(j.within, func(s search) bool { return s.find(text) != "" })
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
