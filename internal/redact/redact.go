// Package redact finds secrets in texts that charts, API servers and programs
// write, as they are and in the codings that those use: base64, JSON, URLs,
// HTML, YAML and Go's own quoting, also one within another. What was cut,
// hashed or changed otherwise is not found.
package redact

import "strings"

// whole is the length in bytes from which on a secret is looked for within
// longer texts. Shorter ones stand there by chance.
const whole = 4

// Holds says whether a text is or holds one of the secrets, coded or not.
func Holds(text string, secrets []string) bool {
	if len(secrets) == 0 {
		return false
	}
	if has(text, secrets) {
		return true
	}
	for _, decoded := range Decodings(text) {
		if has(decoded, secrets) {
			return true
		}
	}
	return false
}

func has(text string, secrets []string) bool {
	for _, s := range secrets {
		if s == text || len(s) >= whole && strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// Lines are the lines of a text that has several and whose lines are long
// enough to be told apart: indented, a text is no longer found as a whole.
func Lines(text string) []string {
	var lines []string
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		return nil
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) >= 2*whole {
			lines = append(lines, line)
		}
	}
	return lines
}
