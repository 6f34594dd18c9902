package helm

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/soctalk/fleet/internal/chart"
)

var (
	// templatePlace is "chart/templates/a.yaml:12:3" in an error of Go's
	// template engine; the column may be missing.
	templatePlace = regexp.MustCompile(`(?:template: |error at \(|parse error at \(|parse error in \()([^\s:()]+/templates/[^\s:()]+):?(\d+)?(?::\d+)?`)
	yamlPlace     = regexp.MustCompile(`YAML parse error on (\S+): `)
	evaluated     = regexp.MustCompile(`(cannot parse template|error during tpl function execution for) "(?:[^"\\]|\\.)*"`)
	calling       = regexp.MustCompile(`error calling (\w+): `)
	ticked        = regexp.MustCompile("`[^`]*`")
	executing     = regexp.MustCompile(`executing "[^"]*" at `)
)

// templateError makes an error of a render readable: the innermost template
// and line, and what is wrong there.
func templateError(t Target, err error, s *scrubber) error {
	e := &TemplateError{Namespace: t.Namespace, Name: t.Name, Chart: t.Chart.Name, Version: t.Chart.Version}
	var document *documentError
	if errors.As(err, &document) {
		e.Template, e.Message = withinChart(t.Chart, document.source), s.text(document.why)
		return e
	}
	msg := evaluated.ReplaceAllString(err.Error(), "$1 a value")
	if places := templatePlace.FindAllStringSubmatch(msg, -1); len(places) > 0 {
		last := places[len(places)-1]
		e.Template = withinChart(t.Chart, last[1])
		e.Line, _ = strconv.Atoi(last[2])
		msg = msg[strings.LastIndex(msg, last[0])+len(last[0]):]
		msg = strings.TrimLeft(msg, "):, ")
		msg = executing.ReplaceAllString(msg, "at ")
	} else if place := yamlPlace.FindStringSubmatch(msg); place != nil {
		e.Template = withinChart(t.Chart, place[1])
		msg = "what it renders is no YAML: " + plainYAML(errors.New(msg[strings.Index(msg, place[0])+len(place[0]):]))
	}
	e.Message = s.text(withoutQuotes(msg))
	return e
}

// withoutQuotes hides what a function says of the values that it was given,
// often only a part of one. What fail and required say is the chart's own word.
func withoutQuotes(msg string) string {
	i := calling.FindStringSubmatchIndex(msg)
	if i == nil || msg[i[2]:i[3]] == "fail" || msg[i[2]:i[3]] == "required" {
		return msg
	}
	return msg[:i[1]] + ticked.ReplaceAllString(quoted.ReplaceAllString(msg[i[1]:], "…"), "…")
}

// withinChart takes the chart's own name off a template's path.
func withinChart(c *chart.Chart, template string) string {
	return strings.TrimPrefix(template, c.Name+"/")
}
