package schema

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
)

// call evaluates an expression and returns it as JSON.
func call(t *testing.T, files, expr string) string {
	t.Helper()
	f := load(t, fmt.Sprintf("-- main.hcl --\nsystem {\n  chart = \"oci://h/s\"\n  version = \"0.2.1\"\n  values = [{ v = jsonencode(%s) }]\n}\n%s", expr, files), Options{})
	return f.System.Values["v"].(string)
}

// TestFunctionsAreTerraforms compares with what Terraform's pages and tests give.
func TestFunctionsAreTerraforms(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`coalesce("", "a")`:               `"a"`,
		`coalesce(null, "", "b")`:         `"b"`,
		`coalesce("a", "b")`:              `"a"`,
		`coalesce(null, 0, 1)`:            `0`,
		`coalesce("", 1)`:                 `"1"`,
		`coalesce(1, "")`:                 `"1"`,
		`coalesce(false, true)`:           `false`,
		`coalesce([], ["a"])`:             `[]`,
		`try(coalesce("", null), "none")`: `"none"`,

		`timecmp("2017-11-22T00:00:00Z", "2017-11-22T00:00:00Z")`:      `0`,
		`timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00Z")`:      `-1`,
		`timecmp("2017-11-22T01:00:00Z", "2017-11-22T00:00:00Z")`:      `1`,
		`timecmp("2017-11-22T01:00:00Z", "2017-11-22T00:00:00-01:00")`: `0`,

		`cidrhost("10.12.112.0/20", 16)`:                          `"10.12.112.16"`,
		`cidrhost("10.12.112.0/20", 268)`:                         `"10.12.113.12"`,
		`cidrhost("10.12.127.0/20", -1)`:                          `"10.12.127.255"`,
		`cidrhost("fd00:fd12:3456:7890:00a2::/72", 34)`:           `"fd00:fd12:3456:7890::22"`,
		`cidrnetmask("172.16.0.0/12")`:                            `"255.240.0.0"`,
		`cidrnetmask("1.2.3.4/0")`:                                `"0.0.0.0"`,
		`cidrnetmask("1.2.3.4/32")`:                               `"255.255.255.255"`,
		`cidrsubnet("172.16.0.0/12", 4, 2)`:                       `"172.18.0.0/16"`,
		`cidrsubnet("10.1.2.0/24", 4, 15)`:                        `"10.1.2.240/28"`,
		`cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)`:         `"fd00:fd12:3456:7800:a200::/72"`,
		`cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)`:                  `["10.1.0.0/20","10.1.16.0/20","10.1.32.0/24","10.1.48.0/20"]`,
		`cidrsubnets("fd00:fd12:3456:7890::/56", 16, 16, 16, 32)`: `["fd00:fd12:3456:7800::/72","fd00:fd12:3456:7800:100::/72","fd00:fd12:3456:7800:200::/72","fd00:fd12:3456:7800:300::/88"]`,
		`cidrsubnets("255.255.255.0/24", 1, 1)`:                   `["255.255.255.0/25","255.255.255.128/25"]`,
		`cidrsubnets("10.0.0.0/8")`:                               `[]`,

		`uuidv5("dns", "www.terraform.io")`:                                  `"a5008fae-b28c-5ba5-96cd-82b4c53552d6"`,
		`uuidv5("url", "https://www.terraform.io/")`:                         `"9db6f67c-dd95-5ea0-aa5b-e70e5c5f7cf5"`,
		`uuidv5("oid", "1.3.6.1.4")`:                                         `"af9d40a5-7a36-5c07-b23a-851cd99fbfa5"`,
		`uuidv5("x500", "CN=Example,C=GB")`:                                  `"84e09961-4aa4-57f8-95b7-03edb1073253"`,
		`uuidv5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.terraform.io")`: `"a5008fae-b28c-5ba5-96cd-82b4c53552d6"`,

		`filemd5("f") == md5(file("f"))`:                   `true`,
		`filesha1("f") == sha1(file("f"))`:                 `true`,
		`filesha256("f") == sha256(file("f"))`:             `true`,
		`filesha512("f") == sha512(file("f"))`:             `true`,
		`filebase64sha256("f") == base64sha256(file("f"))`: `true`,
		`filebase64sha512("f") == base64sha512(file("f"))`: `true`,
	} {
		if got := call(t, "-- f --\nsome text\n", expr); got != want {
			t.Errorf("%s is %s, not %s", expr, got, want)
		}
	}
}

func TestBase64Gzip(t *testing.T) {
	t.Parallel()
	text := strings.Trim(call(t, "", `base64gzip("some text")`), `"`)
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(r); err != nil || string(plain) != "some text" {
		t.Errorf("%q, %v", plain, err)
	}
}

// TestFunctionsRefuse holds that a wrong argument is named, and nothing panics.
func TestFunctionsRefuse(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`coalesce("", null)`:                         "every argument is null or an empty text",
		`coalesce()`:                                 "at least one argument is needed",
		`coalesce([], {a = 1})`:                      "must have the same type",
		`timecmp("today", "2017-11-22T00:00:00Z")`:   "no RFC 3339 timestamp",
		`cidrhost("10.0.0.0/33", 1)`:                 "no block of addresses",
		`cidrhost("10.0.0.0/30", 4)`:                 "has only 4 addresses",
		`cidrhost("10.0.0.0/30", -5)`:                "has only 4 addresses",
		`cidrhost("10.0.0.0/30", 0.5)`:               "must be a whole number",
		`cidrhost("10.0.0.0/30", 1e60)`:              "must be a whole number",
		`cidrnetmask("fd00::/8")`:                    "IPv6 has no netmasks",
		`cidrsubnet("10.0.0.0/30", 3, 0)`:            "has 2 bits to divide",
		`cidrsubnet("10.0.0.0/30", -1, 0)`:           "has 2 bits to divide",
		`cidrsubnet("10.0.0.0/30", 1, 2)`:            "has only 2 subnets of /31",
		`cidrsubnets("10.0.0.0/30", 1, 1, 1)`:        "no room left for a subnet of /31",
		`cidrsubnets("255.255.255.252/30", 1, 1, 1)`: "no room left",
		`cidrsubnets("10.0.0.0/30", 0)`:              "must be at least 1",
		`uuidv5("email", "a@b")`:                     "must be dns, url, oid, x500 or a UUID",
		`filemd5("none")`:                            "no such file",
		`filesha256(".")`:                            "it is a folder",
	} {
		got := mistakes(t, "system {\n  chart = \"oci://h/s\"\n  version = \"0.2.1\"\n  values = [{ v = "+expr+" }]\n}\n", Options{})
		if !strings.Contains(got, want) || strings.Count(got, "error:") != 1 {
			t.Errorf("%s: %s", expr, got)
		}
	}
}
