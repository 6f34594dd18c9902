package redact

import "regexp"

// sum is what a hash looks like where templates write it.
var sum = regexp.MustCompile(`[0-9A-Fa-f]{32,}`)
