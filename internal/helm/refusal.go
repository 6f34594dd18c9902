package helm

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/soctalk/fleet/internal/prose"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// longest bounds a message in bytes: some quote whole objects.
const longest = 600

var (
	// limited is what a LimitRange says.
	limited = regexp.MustCompile(`(minimum|maximum) .* (usage|limit|request)|limit to request ratio`)
	// preamble names the object, which a finding does itself.
	preamble = regexp.MustCompile(`^[a-z0-9.]+ "[^"]*" is (?:forbidden|invalid): `)
	// misfit is what a field of the wrong type says, before its own words.
	misfit = regexp.MustCompile(`^.* cannot be handled as an? \w+: `)
	plain  = regexp.MustCompile(`^(?:-?[0-9][0-9.eE+-]*|true|false|null): `)
)

// refusal says in plain words what the API server does not like about a
// request, and which fields; false when its answer is about something else,
// such as its own load. The values that it quotes are left out as far as they
// can be told apart.
func refusal(err error) (message string, fields []string, refused bool) {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return "", nil, false
	}
	status := answer.Status()
	if status.Code < http.StatusBadRequest || status.Code == http.StatusTooManyRequests || status.Code == http.StatusUnauthorized ||
		status.Code >= http.StatusInternalServerError && !strings.Contains(status.Message, "failed calling webhook") {
		return "", nil, false
	}
	if status.Reason == metav1.StatusReasonConflict {
		return "", nil, false
	}
	var parts []string
	if status.Reason == metav1.StatusReasonInvalid && status.Details != nil {
		for _, c := range status.Details.Causes {
			part := withoutValue(c)
			if c.Field != "" && c.Field != "<nil>" {
				part = c.Field + ": " + strings.TrimPrefix(part, c.Field+" in body ")
				if !slices.Contains(fields, c.Field) {
					fields = append(fields, c.Field)
				}
			}
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	if len(parts) == 0 {
		text := preamble.ReplaceAllString(status.Message, "")
		if status.Reason == metav1.StatusReasonBadRequest {
			text = quoted.ReplaceAllString(misfit.ReplaceAllString(text, ""), "…")
		}
		parts = []string{text}
	}
	return strings.Join(parts, "; "), fields, true
}

// shorten makes one line of a text that holds no secrets any more: cut before,
// a piece of one would stay.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + " …"
	}
	return text
}

// withoutValue takes the value out of what is wrong with a field. Its kind, the
// value and what is to be done follow each other, with colons between.
func withoutValue(c metav1.StatusCause) string {
	kind, rest, found := strings.Cut(c.Message, ": ")
	switch c.Type {
	case metav1.CauseTypeFieldValueInvalid, metav1.CauseTypeFieldValueNotFound, metav1.CauseTypeFieldValueDuplicate,
		metav1.CauseTypeFieldValueNotSupported, metav1.CauseTypeTypeInvalid, metav1.CauseTypeTooMany:
	default:
		return preamble.ReplaceAllString(c.Message, "")
	}
	if !found {
		return prose.Lower(kind)
	}
	detail := ""
	switch {
	case strings.HasPrefix(rest, `"`):
		if q, err := strconv.QuotedPrefix(rest); err == nil {
			detail = rest[len(q):]
		}
	case plain.MatchString(rest):
		detail = rest[strings.Index(rest, ": "):]
	case strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "["):
		d := json.NewDecoder(strings.NewReader(rest))
		var skipped json.RawMessage
		if d.Decode(&skipped) == nil {
			detail = rest[d.InputOffset():]
			break
		}
		fallthrough
	default: // a dump of Go's own, which ends in a brace
		if end := strings.LastIndexAny(rest, "})]"); end >= 0 {
			detail = rest[end+1:]
		}
	}
	if detail = strings.TrimPrefix(detail, ": "); detail != "" {
		return detail
	}
	return prose.Lower(kind)
}
