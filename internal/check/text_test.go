package check

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// Wherever a text is cut, none of a secret is shown: not of one that stands at
// the cut, nor of one that is longer than what is shown.
func TestSecretsAtTheCut(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"c4n4ry-9d1e7b42", strings.Repeat("c4n4ry-9d1e7b42.", 200)} {
		for name, coded := range map[string]string{"plain": secret, "base64": base64.StdEncoding.EncodeToString([]byte(secret))} {
			hide := hider{}.and("another", secret)
			first := coded[:4]
			reach := hide.reach(longestValue)
			for _, around := range []int{longestValue, reach - len(coded), reach} {
				for before := max(0, around-2*len(secret)); before <= around+2; before += max(1, len(secret)/10) {
					// What is hidden before it moves what comes after to the front.
					for _, filler := range []string{"one two ", "another "} {
						text := strings.Repeat(filler, before/len(filler)) + strings.Repeat(".", before%len(filler)) + " " + coded + strings.Repeat(" and more", 5000)
						if got := hide.value(text); strings.Contains(got, first) {
							t.Fatalf("%s, %d bytes before it: %s", name, before, got)
						}
					}
				}
			}
		}
	}
}

func TestSecretsAtTheCutOfALogsLine(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("c4n4ry-9d1e7b42.", 200)
	hide := hider{}.and(secret)
	logs := newTail(hide)
	for _, part := range []string{"x " + secret[:1000], secret[1000:], secret, strings.Repeat(" word", 10000), "\nthe end\n"} {
		_, _ = fmt.Fprint(logs, part)
	}
	lines := logs.lines()
	if len(lines) != 2 || lines[1] != "the end" {
		t.Fatalf("%d lines", len(lines))
	}
	if got := hide.line(lines[0]); !strings.HasPrefix(got, "x (hidden)(hidden) word word") || strings.Contains(got, "c4n4ry") {
		t.Errorf("got %s", got)
	}
}

func TestSecretWithinAnother(t *testing.T) {
	t.Parallel()
	hide := hider{}.and("sword", "swordfish-of-the-deep")
	if got := hide.line("a swordfish-of-the-deep, a sword"); got != "a (hidden), a (hidden)" {
		t.Errorf("got %s", got)
	}
}

func TestSecretOfSeveralLines(t *testing.T) {
	t.Parallel()
	const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIE\n  c4n4ry+9d1e7b42/c4n4ry\n-----END PRIVATE KEY-----\n"
	hide := hider{}.and(key)
	for text, want := range map[string]string{
		"key: " + strings.TrimSpace(key):                                    "key: (hidden)",
		"c4n4ry+9d1e7b42/c4n4ry":                                            "(hidden)",
		"| MC4CAQAwBQYDK2VwBCIEIE":                                          "| (hidden)",
		"k=c4n4ry%2B9d1e7b42%2Fc4n4ry":                                      "k=(hidden)",
		base64.StdEncoding.EncodeToString([]byte("c4n4ry+9d1e7b42/c4n4ry")): "(hidden)",
	} {
		if got := hide.line(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
