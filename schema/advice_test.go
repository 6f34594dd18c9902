package schema

import (
	"strings"
	"testing"
)

// TestAdvice holds messages about slips against what they have to say.
func TestAdvice(t *testing.T) {
	t.Parallel()
	value := func(expr string) string {
		return "system {\n  chart = \"oci://h/s\"\n  version = \"0.2.1\"\n  values = [{ v = " + expr + " }]\n}\n"
	}
	for name, c := range map[string]struct{ text, want string }{
		"version without quotes": {strings.Replace(base, `"0.2.1"`, "0.2.1", 1), `main.hcl:4,13-18: Invalid number literal; 0.2.1 is no number. A version is a text, written in quotes: "0.2.1".`},
		"no version":             {value("1.2.3.4"), `written in quotes: "1.2.3.4"`},
		"division by zero":       {value("1 / 0"), "division by zero; where the divisor may be zero, ask first"},
		"remainder of zero":      {value("1 % 0"), "division by zero"},
		"zero by zero":           {value("0 / 0"), "division by zero"},
		"in a loop":              {value("[for n in [2, 1, 0] : 4 / n]"), "division by zero"},
		"in a template":          {value("\"${1 / length([])}\""), "division by zero"},
		"in a local":             {base + "locals { n = 1 / 0 }", "division by zero"},
		"by a sensitive zero":    {value("1 / sensitive(0)"), "division by zero"},
		"in a default":           {base + "variable \"v\" { default = 1 / 0 }\nlocals { v = var.v }", "division by zero"},
		"in JSON":                {"-- main.hcl.json --\n{\"system\": {\"chart\": \"oci://h/s\", \"version\": \"0.2.1\", \"values\": [{\"v\": \"${1 / 0}\"}]}}", "division by zero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mistakes(t, c.text, Options{})
			if !strings.Contains(got, c.want) || strings.Count(got, "error:") != 1 {
				t.Error(got)
			}
		})
	}
	f := load(t, value("try(1 / 0, 7 % 4 + 6 / 4)"), Options{})
	if f.System.Values["v"] != 4.5 {
		t.Error(f.System.Values["v"])
	}
}

// TestByteOrderMark holds that editors may leave one in either syntax.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	const mark = "\xef\xbb\xbf"
	f := load(t, "-- main.hcl --\n"+mark+strings.TrimSpace(base)+"\n-- acme.hcl.json --\n"+mark+`{"tenant": {"acme": {"chart": "oci://h/t", "version": "${var.v}"}}, "variable": {"v": {}}}`+"\n-- soctalk.vars.hcl.json --\n"+mark+`{"v": "0.2.1"}`, Options{})
	if tenant(t, f, "acme").Version.String() != "0.2.1" {
		t.Error(f.Tenants)
	}
	has(t, mistakes(t, "-- main.hcl.json --\n"+mark+`{"systm": {}}`, Options{}), "main.hcl.json:1,2-9")
}
