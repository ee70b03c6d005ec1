package status

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestNumbersAsPeopleReadThem(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(10021), "10,021"}, {count(1234567), "1,234,567"}, {count(-1234), "-1,234"},
		{count(46.2), "46.2"}, {count(0.5), "0.5"}, {count(0.02346), "0.0235"}, {count(1234.5), "1,235"}, {count(1e20), "1e+20"},
		{count(math.NaN()), "–"}, {count(math.Inf(1)), "–"},
		{seconds(0), "0 µs"}, {seconds(0.00021), "210 µs"}, {seconds(0.0021), "2.1 ms"}, {seconds(0.003), "3 ms"}, {seconds(0.24), "240 ms"},
		{seconds(0.9999), "1 s"}, {seconds(1.24), "1.2 s"}, {seconds(75), "1 m 15 s"}, {seconds(math.NaN()), "–"}, {seconds(1e300), "11574 d 1 h"},
		{duration(-time.Second), "0 s"}, {duration(42 * time.Second), "42 s"}, {duration(250 * time.Second), "4 m 10 s"}, {duration(time.Minute), "1 m"},
		{duration(3*time.Hour + 12*time.Minute + 5*time.Second), "3 h 12 m"}, {duration(time.Hour + 59*time.Second), "1 h"}, {duration(76 * time.Hour), "3 d 4 h"},
		{size(0), "0 B"}, {size(999), "999 B"}, {size(131072), "131 kB"}, {size(1500), "1.5 kB"}, {size(18_400_000), "18 MB"}, {size(5e12), "5000 GB"},
		{percent(0), "0 %"}, {percent(0.002), "0.2 %"}, {percent(0.00041), "0.04 %"}, {percent(0.0999), "10 %"}, {percent(0.5), "50 %"}, {percent(1), "100 %"}, {percent(math.NaN()), "–"},
		{sample(10021), "10021"}, {sample(0.25), "0.25"}, {sample(1.7e9), "1700000000"}, {sample(math.Inf(1)), "+Inf"}, {sample(math.NaN()), "NaN"},
	} {
		if got := strings.ReplaceAll(test.got, space, " "); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestShownTextHasAShape(t *testing.T) {
	for text, want := range map[string]string{
		"plain":            "plain",
		"Ärger, فارسی, 漢字": "Ärger, فارسی, 漢字",
		"a\u202egpj.exe":   `a\u202egpj.exe`,
		"zero\u200bwidth":  `zero\u200bwidth`,
		"line\nnext\ttab":  "line next tab",
		"\x00\x1b[31m":     `\u0000\u001b[31m`,
		"bad \xff":         "bad \ufffd",
		"tag \U000e0041":   `tag \U000e0041`,
		"para\u2029graph":  `para\u2029graph`,
		"0123456789+":      "0123456789…",
		"ééééééééééé":      "éééééééééé…",
	} {
		limit := 10
		if !strings.HasSuffix(want, "…") {
			limit = 100
		}
		if got := shown(text, limit); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestCredentialsAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"connect to db:5432: refused":                             "connect to db:5432: refused",
		"dial postgres://otelcoder:s3cret@db:5432/coder?x=1: no":  "dial postgres://***@db:5432/coder?x=1: no",
		"https://u:p@ss@host/path and http://a@b/":                "https://***@host/path and http://***@b/",
		`cannot parse "host=db password=s3cret dbname=coder"`:     `cannot parse "host=db password=*** dbname=coder"`,
		`host=db PASSWORD = 'two words' sslpassword=other port=1`: `host=db PASSWORD = *** sslpassword=*** port=1`,
		"mail to ann@example.com":                                 "mail to ann@example.com",
	} {
		if got := masked(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for address, want := range map[string]string{
		"http://collector:4318":                            "http://collector:4318",
		"https://key:s3cret@otlp.example:443/v1?token=abc": "https://otlp.example:443/v1",
		"collector:4317":                                   "collector:4317",
		"key:s3cret@collector:4317":                        "collector:4317",
		"http://[::1":                                      "(not a URL)",
	} {
		if got := endpoint(address); got != want {
			t.Errorf("endpoint %q: got %q, want %q", address, got, want)
		}
	}
}
