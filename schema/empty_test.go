package schema

import (
	"strings"
	"testing"
)

// TestEmptyIsAMistake holds that an empty text never passes where it would
// quietly mean the default, or nothing at all.
func TestEmptyIsAMistake(t *testing.T) {
	t.Parallel()
	in := func(block, what string) string {
		switch block {
		case "system":
			return strings.Replace(base, "version =", what+"\n  version =", 1)
		case "tenant":
			return base + strings.Replace(acme, "version =", what+"\n  version =", 1)
		}
		return base + acme + block + " {\n" + what + "\n}\n"
	}
	for name, c := range map[string]struct{ text, want string }{
		"slug":                   {in("tenant", `slug = ""`), "The slug must not be empty. Leave it out for the default."},
		"slug of an element":     {base + "tenant \"f\" {\n  for_each = { a = { slug = \"\" } }\n  slug = each.value.slug\n  chart = \"oci://h/t\"\n  version = \"0.2.1\"\n}", "The slug must not be empty."},
		"key":                    {base + "tenant \"f\" {\n  for_each = { \"\" = {}, a = {} }\n  chart = \"oci://h/t\"\n  version = \"0.2.1\"\n}", "One of the for_each keys is empty."},
		"key with a slug":        {base + "tenant \"f\" {\n  for_each = toset([\"\"])\n  slug = \"x\"\n  chart = \"oci://h/t\"\n  version = \"0.2.1\"\n}", "One of the for_each keys is empty."},
		"namespace":              {in("tenant", `namespace = ""`), "The namespace must not be empty."},
		"release":                {in("tenant", `release = ""`), "The release must not be empty."},
		"namespace of system":    {in("system", `namespace = ""`), "The namespace must not be empty."},
		"release of system":      {in("system", `release = ""`), "The release must not be empty."},
		"namespace of defaults":  {in("tenant_defaults", `namespace = ""`), "The namespace must not be empty."},
		"release of a companion": {in("tenant", "companion \"c\" {\n  chart = \"oci://h/c\"\n  version = \"1.0.0\"\n  release = \"\"\n}"), "The release must not be empty."},
		"namespace of a removed": {in("removed", "from = \"gone\"\nnamespace = \"\""), "The namespace must not be empty."},
		"release of a removed":   {in("removed", "from = \"gone\"\nrelease = \"\""), "The release must not be empty."},
		"chart_name":             {strings.Replace(base, `"oci://h/system"`, "\"https://h/charts\"\n  chart_name = \"\"", 1), "The chart_name must not be empty."},
		"crd":                    {in(`prerequisite "p"`, `crd = ""`), "The crd must not be empty."},
		"any_crd":                {in(`prerequisite "p"`, `any_crd = []`), "The any_crd must not be empty"},
		"one of any_crd":         {in(`prerequisite "p"`, `any_crd = ["a.b", ""]`), "The any_crd must not be empty, nor hold an empty text."},
		"snapshot_class":         {in(`prerequisite "p"`, `snapshot_class = ""`), "The snapshot_class must not be empty."},
		"kubernetes":             {in(`prerequisite "p"`, `kubernetes = ""`), "is no constraint"},
		"blank kubernetes":       {in(`prerequisite "p"`, `kubernetes = "  "`), "is no constraint"},
		"dsn":                    {in("system", `database { dsn = "" }`), "The dsn must not be empty."},
		"service":                {in(`check "c"`, "on = \"system\"\nhttp { service = \"\" }"), "The service must not be empty."},
		"url":                    {in(`check "c"`, "on = \"system\"\nhttp { url = \"\" }"), "The url must not be empty."},
		"url of the API":         {in("system", "api {\n  url = \"\"\n  login_secret { name = \"n\" }\n}"), "The url must not be empty."},
		"service of the API":     {in("system", "api {\n  service = \"\"\n  login_secret { name = \"n\" }\n}"), "The service must not be empty."},
		"store":                  {in("system", "snapshot \"s\" {\n  driver = \"velero\"\n  store = \"\"\n}"), "The store must not be empty."},
		"argv":                   {in("system", "snapshot \"s\" {\n  driver = \"command\"\n  argv = []\n}"), "The argv must not be empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mistakes(t, c.text, Options{})
			if !strings.Contains(got, c.want) || strings.Count(got, "error:") != 1 {
				t.Error(got)
			}
		})
	}
}
