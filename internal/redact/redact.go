// Package redact finds secrets in texts that charts, API servers and programs
// write, as they are and in the codings that those use: base64, base32,
// hexadecimal, JSON, URLs, HTML, YAML and Go's own quoting, also one within
// another. A [Finder] finds them too where their case or what stands between
// their letters and digits was changed, where they were cut and where some of
// their characters were replaced. What was hashed is found as a hash, and what
// was changed otherwise is not found.
package redact

import "strings"

// whole is the length in bytes from which on a secret is looked for within
// longer texts. Shorter ones stand there by chance.
const whole = 4

// Holds says whether a text is or holds one of the secrets, coded or not, in
// whatever case.
func Holds(text string, secrets []string) bool {
	if len(secrets) == 0 {
		return false
	}
	return NewFinder(secrets).Holds(Read(text))
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
