package invariant_test

import (
	"bytes"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/invariant"
)

var contract = e2e.Contract{
	"jobs_total":                     {Name: "jobs_total", Type: "counter", Labels: []string{"status"}, Help: "Jobs."},
	"seconds":                        {Name: "seconds", Type: "histogram", Labels: []string{"path"}, Buckets: []float64{0.5, 1}, Help: "How long."},
	"pause":                          {Name: "pause", Type: "summary", Help: "Pauses."},
	"mem":                            {Name: "mem", Type: "gauge", Help: "Memory."},
	"mem_total":                      {Name: "mem_total", Type: "counter", Help: "Memory ever."},
	"coderd_api_concurrent_requests": {Name: "coderd_api_concurrent_requests", Type: "gauge", Help: "Now."},
}

const (
	textType        = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
	openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// good holds every family of the contract.
const good = `# HELP coderd_api_concurrent_requests Now.
# TYPE coderd_api_concurrent_requests gauge
coderd_api_concurrent_requests 0
# HELP jobs_total Jobs.
# TYPE jobs_total counter
jobs_total{status="ok"} 3
jobs_total{status="a \"quoted\"\nline \\ back"} 0
# HELP mem Memory.
# TYPE mem gauge
mem -1.5
# HELP mem_total Memory ever.
# TYPE mem_total counter
mem_total 9
# HELP pause Pauses.
# TYPE pause summary
pause{quantile="0"} NaN
pause{quantile="1"} NaN
pause_sum 0
pause_count 0
# HELP seconds How long.
# TYPE seconds histogram
seconds_bucket{path="/",le="0.5"} 1
seconds_bucket{path="/",le="1"} 3
seconds_bucket{path="/",le="+Inf"} 4
seconds_sum{path="/"} 7.25
seconds_count{path="/"} 4
seconds_bucket{path="",le="0.5"} 0
seconds_bucket{path="",le="1"} 0
seconds_bucket{path="",le="+Inf"} 0
seconds_sum{path=""} 0
seconds_count{path=""} 0
`

// goodOpenMetrics is the same with exemplars.
const goodOpenMetrics = `# HELP coderd_api_concurrent_requests Now.
# TYPE coderd_api_concurrent_requests gauge
coderd_api_concurrent_requests 0.0
# HELP jobs Jobs.
# TYPE jobs counter
jobs_total{status="ok"} 3.0 # {trace_id="2a"} 1.0
jobs_total{status="a \"quoted\"\nline \\ back"} 0.0
# HELP mem Memory.
# TYPE mem gauge
mem -1.5
# HELP mem_total Memory ever.
# TYPE mem_total unknown
mem_total 9.0
# HELP pause Pauses.
# TYPE pause summary
pause{quantile="0.0"} NaN
pause{quantile="1.0"} NaN
pause_sum 0.0
pause_count 0
# HELP seconds How long.
# TYPE seconds histogram
seconds_bucket{path="/",le="0.5"} 1
seconds_bucket{path="/",le="1.0"} 3 # {trace_id="2a",span_id="07"} 0.75 1.7e+09
seconds_bucket{path="/",le="+Inf"} 4
seconds_sum{path="/"} 7.25
seconds_count{path="/"} 4
# EOF
`

func check(contentType, body string) error {
	s, err := invariant.Parse(contentType, []byte(body))
	if err != nil {
		return err
	}
	return s.Check(contract)
}

func TestGoodScrapesPass(t *testing.T) {
	for contentType, body := range map[string]string{
		textType:        good,
		openMetricsType: goodOpenMetrics,
		protobufType:    protobuf(t, good),
	} {
		s, err := invariant.Parse(contentType, []byte(body))
		if err != nil {
			t.Fatalf("%s: %v", contentType, err)
		}
		if err := s.Check(contract); err != nil {
			t.Errorf("%s: %v", contentType, err)
		}
		if err := s.CheckComplete(contract); err != nil {
			t.Errorf("%s: %v", contentType, err)
		}
		if err := s.CheckSince(s, contract); err != nil {
			t.Errorf("%s: %v", contentType, err)
		}
		for _, series := range []struct {
			want  float64
			name  string
			pairs []string
		}{
			{3, "jobs_total", []string{"status", "ok"}},
			{0, "jobs_total", []string{"status", "failed"}},
			{9, "mem_total", nil},
			{-1.5, "mem", nil},
			{4, "seconds_count", []string{"path", "/"}},
			{3, "seconds_bucket", []string{"path", "/", "le", "1.0"}},
		} {
			if got := s.Value(series.name, series.pairs...); got != series.want {
				t.Errorf("%s: %s%q is %v, want %v", contentType, series.name, series.pairs, got, series.want)
			}
		}
	}
}

// TestBrokenScrapesAreRefused breaks one invariant per case, by replacing old with new in
// a good scrape.
func TestBrokenScrapesAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		contentType, good string
		old, new          string
		want              string
	}{
		"no content type":            {"", good, "", "", `content type ""`},
		"unknown content type":       {"text/html", good, "", "", `content type "text/html"`},
		"not an exposition":          {textType, good, "jobs_total{", "jobs total{", "prometheus cannot parse"},
		"truncated":                  {textType, good, " 7.25\n", "", "prometheus cannot parse"},
		"type unknown to the format": {textType, good, "mem gauge", "mem unknown", "prometheus cannot parse"},
		"series twice": {textType, good,
			"mem -1.5\n", "mem -1.5\nmem -1.5\n", "mem{} is there twice"},
		"series twice, once with an empty label": {textType, good,
			`seconds_sum{path=""} 0`, "seconds_sum{path=\"\"} 0\nseconds_sum 0", "seconds_sum{} is there twice"},
		"labels in another order": {textType, good,
			`seconds_bucket{path="/",le="1"} 3`, "seconds_bucket{path=\"/\",le=\"1\"} 3\nseconds_bucket{le=\"1\",path=\"/\"} 3", `seconds_bucket{le="1.0", path="/"} is there twice`},
		"family in two places": {textType, good,
			"# HELP pause", "# HELP mem Memory.\n# TYPE mem gauge\nmem 2\n# HELP pause", "family mem is in two places"},
		"samples in two places": {textType, good,
			"# HELP pause", "jobs_total{status=\"late\"} 2\n# HELP pause", `jobs_total{status="late"} is not below the TYPE line of its family`},
		"two HELP lines": {textType, good,
			"# HELP mem Memory.\n", "# HELP mem Memory.\n# HELP mem Memory.\n", "mem has two HELP lines"},
		"two TYPE lines": {textType, good,
			"# TYPE mem gauge\n", "# TYPE mem gauge\n# TYPE mem gauge\n", "mem has two TYPE lines"},
		"no HELP line": {textType, good, "# HELP mem Memory.\n", "", `mem has the help "", not "Memory."`},
		"no TYPE line": {textType, good, "# TYPE mem gauge\n", "", "mem is of type unknown, not gauge"},
		"another help": {textType, good, "mem Memory.", "mem Memories.", `mem has the help "Memories.", not "Memory."`},
		"another type": {textType, good, "mem gauge", "mem counter", "mem is of type counter, not gauge"},
		"TYPE below":   {textType, good, "# TYPE mem gauge\nmem -1.5\n", "mem -1.5\n# TYPE mem gauge\n", "mem has metadata after its samples"},
		"no metadata":  {textType, good, "# HELP coderd_api_concurrent_requests Now.\n# TYPE coderd_api_concurrent_requests gauge\n", "", "coderd_api_concurrent_requests{} is not below the TYPE line"},
		"no sample":    {textType, good, "mem -1.5\n", "", "mem has no sample"},
		"timestamp":    {textType, good, "mem -1.5", "mem -1.5 1700000000000", "mem{} has a timestamp"},
		"undocumented family": {textType, good,
			"# HELP pause", "# HELP target_info Target.\n# TYPE target_info gauge\ntarget_info 1\n# HELP pause", "family target_info is not in the contract"},
		"undocumented label": {textType, good,
			"mem -1.5", `mem{otel_scope_name="x"} -1.5`, "has the undocumented label otel_scope_name"},
		"le outside a bucket": {textType, good,
			"mem -1.5", `mem{le="1"} -1.5`, "has the undocumented label le"},
		"quantile outside a summary": {textType, good,
			"mem -1.5", `mem{quantile="1"} -1.5`, "has the undocumented label quantile"},
		"invalid UTF-8 in a label":   {textType, good, `"ok"`, "\"\xff\"", "invalid UTF-8 label value"},
		"invalid UTF-8 in a help":    {textType, good, "Memory.", "Memory\xff.", "not a valid utf8 string"},
		"invalid UTF-8 in a comment": {textType, good, "# HELP mem ", "# \xff\n# HELP mem ", "the answer is not valid UTF-8"},
		"buckets fall": {textType, good,
			`le="1"} 3`, `le="1"} 0`, `seconds_bucket{le="1.0", path="/"} is 0, the bucket before it 1`},
		"+Inf is not the count": {textType, good,
			`seconds_count{path="/"} 4`, `seconds_count{path="/"} 5`, "has 4 in +Inf and a _count of 5"},
		"bucket missing": {textType, good,
			"seconds_bucket{path=\"/\",le=\"1\"} 3\n", "", "has the buckets [0.5 +Inf], not [0.5 1 +Inf]"},
		"another bucket": {textType, good,
			`path="/",le="1"`, `path="/",le="2"`, "has the buckets [0.5 2 +Inf], not [0.5 1 +Inf]"},
		"no +Inf": {textType, good,
			"seconds_bucket{path=\"/\",le=\"+Inf\"} 4\n", "", "has the buckets [0.5 1], not [0.5 1 +Inf]"},
		"bucket without a bound": {textType, good,
			`seconds_bucket{path="/",le="1"}`, `seconds_bucket{path="/"}`, "invalid syntax"},
		"no sum":                          {textType, good, "seconds_sum{path=\"/\"} 7.25\n", "", "has not one _count and one _sum"},
		"no count":                        {textType, good, "seconds_count{path=\"/\"} 4\n", "", "has not one _count and one _sum"},
		"sum of nothing":                  {textType, good, `seconds_sum{path=""} 0`, `seconds_sum{path=""} 1`, "has a _sum of 1 of nothing"},
		"negative in flight":              {textType, good, "concurrent_requests 0", "concurrent_requests -1", "coderd_api_concurrent_requests{} is -1"},
		"in flight NaN":                   {textType, good, "concurrent_requests 0", "concurrent_requests NaN", "coderd_api_concurrent_requests{} is NaN"},
		"negative counter":                {textType, good, "mem_total 9", "mem_total -9", "mem_total{} is -9"},
		"NaN counter":                     {textType, good, "mem_total 9", "mem_total NaN", "mem_total{} is NaN"},
		"negative count":                  {textType, good, "pause_count 0", "pause_count -1", "pause_count{} is -1"},
		"OpenMetrics, no end":             {openMetricsType, goodOpenMetrics, "# EOF\n", "", "does not end with # EOF"},
		"OpenMetrics, two ends":           {openMetricsType, goodOpenMetrics, "# EOF\n", "# EOF\n# EOF\n", "unexpected data after # EOF"},
		"OpenMetrics, end without a line": {openMetricsType, goodOpenMetrics, "# EOF\n", "# EOF", "does not end with a line # EOF"},
		"OpenMetrics, data after the end": {openMetricsType, goodOpenMetrics, "# EOF\n", "# EOF\nmem 1\n", "unexpected data after # EOF"},
		"OpenMetrics, name clash": {openMetricsType, goodOpenMetrics,
			"# HELP mem_total Memory ever.\n# TYPE mem_total unknown\n", "# HELP mem Memory ever.\n# TYPE mem counter\n", "mem has two TYPE lines"},
		"OpenMetrics, name clash apart": {openMetricsType, goodOpenMetrics,
			"# EOF\n", "# HELP mem Memory ever.\n# TYPE mem counter\nmem_total 9.0\n# EOF\n", "family mem is in two places"},
		"OpenMetrics, counter named as in text": {openMetricsType, goodOpenMetrics,
			"# HELP jobs Jobs.\n# TYPE jobs counter", "# HELP jobs_total Jobs.\n# TYPE jobs_total counter", "is not below the TYPE line of its family"},
		"OpenMetrics, created series": {openMetricsType, goodOpenMetrics,
			"# HELP mem Mem", "jobs_created{status=\"ok\"} 1.7e9\n# HELP mem Mem", "jobs_created{status=\"ok\"} is not below the TYPE line of its family"},
		"exemplar on a gauge": {openMetricsType, goodOpenMetrics,
			"mem -1.5", `mem -1.5 # {trace_id="2a"} 1.0`, "has an exemplar, which only buckets and counters may"},
		"exemplar in another bucket": {openMetricsType, goodOpenMetrics, "0.75 1.7e+09", "0.5 1.7e+09", "has an exemplar of 0.5"},
		"exemplar above its bucket":  {openMetricsType, goodOpenMetrics, "0.75 1.7e+09", "1.5 1.7e+09", "has an exemplar of 1.5"},
		"exemplar too long": {openMetricsType, goodOpenMetrics,
			`span_id="07"`, `span_id="` + strings.Repeat("0", 120) + `"`, "has an exemplar with labels of 137 characters, over 128"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(test.good, test.old) {
				t.Fatalf("no %q in the good scrape", test.old)
			}
			refused(t, check(test.contentType, strings.Replace(test.good, test.old, test.new, 1)), test.want)
		})
	}
}

func TestBrokenProtobufIsRefused(t *testing.T) {
	body := protobuf(t, good)
	for name, test := range map[string]struct{ body, want string }{
		"truncated":                {body[:len(body)-3], "cannot parse"},
		"family in two places":     {body + body, "family mem is in two places"},
		"invalid UTF-8 in a label": {strings.Replace(body, "ok", "\xff\xff", 1), "invalid label value"},
		"undocumented label":       {strings.Replace(body, "status", "statue", 1), "has the undocumented label statue"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, check(protobufType, test.body), test.want) })
	}
}

func TestIncompleteScrapesAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"family missing": {"# HELP mem Memory.\n# TYPE mem gauge\nmem -1.5\n", "", "mem has no sample"},
		"label missing":  {`jobs_total{status="ok"}`, "jobs_total", "jobs_total{} lacks the label status"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := invariant.Parse(textType, []byte(strings.Replace(good, test.old, test.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			refused(t, s.CheckComplete(contract), test.want)
		})
	}
}

func TestCountersThatFallAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"counter": {`jobs_total{status="ok"} 3`, `jobs_total{status="ok"} 2`, `jobs_total{status="ok"} fell from 3 to 2`},
		"bucket":  {`path="/",le="0.5"} 1`, `path="/",le="0.5"} 0`, `seconds_bucket{le="0.5", path="/"} fell from 1 to 0`},
		"sum":     {`seconds_sum{path="/"} 7.25`, `seconds_sum{path="/"} 7`, `seconds_sum{path="/"} fell from 7.25 to 7`},
		"count":   {`seconds_count{path="/"} 4`, `seconds_count{path="/"} 3`, `seconds_count{path="/"} fell from 4 to 3`},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, since(t, good, strings.Replace(good, test.old, test.new, 1)), test.want)
		})
	}
	for name, test := range map[string]struct{ old, new string }{
		"counter grows":  {"mem_total 9", "mem_total 10"},
		"gauge falls":    {"mem -1.5", "mem -2"},
		"series is gone": {"jobs_total{status=\"ok\"} 3\n", ""},
	} {
		if err := since(t, good, strings.Replace(good, test.old, test.new, 1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A counter may not fall between scrapes of different formats either.
	s, err := invariant.Parse(openMetricsType, []byte(strings.Replace(goodOpenMetrics, "mem_total 9.0", "mem_total 8.0", 1)))
	if err != nil {
		t.Fatal(err)
	}
	previous, err := invariant.Parse(textType, []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, s.CheckSince(previous, contract), "mem_total{} fell from 9 to 8")
}

func since(t *testing.T, before, after string) error {
	t.Helper()
	previous, err := invariant.Parse(textType, []byte(before))
	if err != nil {
		t.Fatal(err)
	}
	s, err := invariant.Parse(textType, []byte(after))
	if err != nil {
		t.Fatal(err)
	}
	return s.CheckSince(previous, contract)
}

// TestProblemsAreToldInAFewLines checks that the error of a mistake in thousands of series
// has few lines.
func TestProblemsAreToldInAFewLines(t *testing.T) {
	err := check(textType, "# HELP mem Memory.\n# TYPE mem gauge\n"+strings.Repeat("mem 1\n", 5001))
	refused(t, err, "and 4980 more")
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 21 {
		t.Errorf("got an error of %d lines, want 21", lines)
	}
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got error %q, want one with %q", err, want)
	}
}

const protobufType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

// protobuf converts a text exposition to protobuf.
func protobuf(t *testing.T, text string) string {
	t.Helper()
	var body bytes.Buffer
	encoder := expfmt.NewEncoder(&body, expfmt.NewFormat(expfmt.TypeProtoDelim))
	decoder := expfmt.NewDecoder(strings.NewReader(text), expfmt.NewFormat(expfmt.TypeTextPlain))
	for {
		var f dto.MetricFamily
		if decoder.Decode(&f) != nil {
			return body.String()
		}
		if err := encoder.Encode(&f); err != nil {
			t.Fatal(err)
		}
	}
}
