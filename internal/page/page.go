// Package page is how everything looks that is read in a browser: the report of
// a plan or a run, and the documentation. Such a page is one file that loads
// nothing.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
)

//go:embed page.css
var style string

// Style is the stylesheet of every page, for a style element.
func Style() template.CSS { return template.CSS(style) }

// Policy is the Content-Security-Policy of a page: it may load nothing and send
// nothing, and only [Style] and this script, where there is one, have any effect.
func Policy(script template.JS) string {
	policy := "default-src 'none'; style-src " + source(style) + "; base-uri 'none'; form-action 'none'"
	if script != "" {
		policy += "; script-src " + source(string(script))
	}
	return policy
}

// source allows one text of an element, by its hash.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:]))
}
