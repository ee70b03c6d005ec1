package status_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/status"
	"github.com/otelcoder/otelcoder/internal/status/statustest"
)

var update = flag.Bool("update", false, "write the golden files")

// get requests a view of a page.
func get(t testing.TB, b status.Backend, h *status.History, query string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/anywhere/status"+query, nil)
	status.NewPage(b, h).ServeHTTP(w, r)
	return w
}

func html(t testing.TB, b status.Backend, query string) string {
	t.Helper()
	w := get(t, b, statustest.History(), query)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%q: got status %d, content type %q, want 200 and HTML", query, w.Code, w.Header().Get("Content-Type"))
	}
	return w.Body.String()
}

// element is an element of a page, with the text between it and the next tag.
type element struct {
	Name       string
	Attributes map[string]string
}

// parse returns the elements of a page and its text with collapsed white space, without
// the style and script elements.
func parse(t testing.TB, page string) (elements []element, text string) {
	t.Helper()
	for _, file := range []string{"style.css", "script.js"} {
		own, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tag := map[string]string{"style.css": "style", "script.js": "script"}[file]
		whole := "<" + tag + ">" + string(own) + "</" + tag + ">"
		if strings.Count(page, whole) != 1 {
			t.Fatalf("the page does not contain %s exactly once", file)
		}
		page = strings.Replace(page, whole, "", 1)
	}
	// The parser reads XML, which does not allow all characters of HTML.
	page = strings.ToValidUTF8(strings.Map(asXML, strings.TrimPrefix(page, "<!doctype html>")), "")
	decoder := xml.NewDecoder(strings.NewReader(page))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, append(slices.Clone(xml.HTMLAutoClose), "meta", "link", "input"), xml.HTMLEntity
	var b strings.Builder
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return elements, strings.Join(strings.Fields(b.String()), " ")
		}
		if err != nil {
			t.Fatalf("the page cannot be parsed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{token.Name.Local, make(map[string]string)}
			for _, a := range token.Attr {
				e.Attributes[a.Name.Local] = a.Value
			}
			elements = append(elements, e)
			if !slices.Contains([]string{"b", "small", "span", "a", "bdi", "time", "data", "code"}, e.Name) {
				b.WriteByte(' ')
			}
		case xml.CharData:
			b.Write(token)
		}
	}
}

// wantText checks that a page contains texts.
func wantText(t *testing.T, page string, texts ...string) {
	t.Helper()
	_, shown := parse(t, page)
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			t.Errorf("the page does not show %q; it shows %.3000s", text, shown)
		}
	}
}

func TestPageOfAHealthyDeployment(t *testing.T) {
	d := statustest.Healthy()
	page := html(t, d, "")
	wantText(t, page,
		"otelcoder 0.2.0", "coder at db:5432 · up 3 d 4 h",
		"Reporting this deployment for 3 h 12 m. 1 replica stands by (10.0.0.7). Oldest data: 42 s.",
		"Workspaces 10,021", "9,946 succeeded", "27 failed",
		"Agents 9,870 connected", "12 disconnected", "3 timeout",
		"476 of 500 seats taken", "3 failed", "5 running now",
		"Requests 46.2 a second", "Errors 0.1 %", "Websockets 315",
		"agents ● ok 42 s / 1 m 240 ms 310 ms 30,063",
		"agent duplicate 2 4 m ago An agent sent a series twice; the second was dropped.",
		"Last 3 s ago by Prometheus/3.8.0", "/metrics as text, gzip · 131 kB · 2.1 ms", "2 a minute · 0 errors",
		"To http://collector:4318 Last success 8 s ago 18,312 successes · 0 failures",
		"# TYPE coderd_agents_apps gauge",
		"coderd_agents_up gauge The number of active agents per workspace. 10,021",
	)
	if strings.Contains(page, "undocumented") {
		t.Error("the page shows a reason without refusals")
	}
	if len(d.Opened) > 0 {
		t.Errorf("got series read of %q, want none: no family is opened", d.Opened)
	}
	elements, _ := parse(t, page)
	links := slices.DeleteFunc(slices.Clone(elements), func(e element) bool { return e.Name != "a" })
	if links[0].Attributes["href"] != "metrics" {
		t.Errorf("got first link to %q, want metrics", links[0].Attributes["href"])
	}
	var charts int
	for _, e := range elements {
		if e.Name == "svg" && e.Attributes["role"] == "img" {
			charts++
		}
	}
	if charts != 10 || strings.Count(page, "minimum") < charts {
		t.Errorf("got %d charts, want 10, each with minimum, maximum and last value for screen readers", charts)
	}
}

func TestHeadline(t *testing.T) {
	starting := statustest.Healthy()
	for i := range starting.Told.Sources {
		starting.Told.Sources[i] = status.Source{Name: starting.Told.Sources[i].Name, DurationSeconds: status.Unknown(), P95Seconds: status.Unknown()}
	}
	unknownReporter := statustest.StandBy()
	unknownReporter.Told.Role.Reporter = ""
	push := statustest.Healthy()
	push.Told.Push.Problem = &status.Problem{Error: "collector:4318: no such host", Remedy: "Check the address.", Runbook: "OtelcoderPushFailing"}
	alone := statustest.Healthy()
	alone.Told.Role, alone.Told.Sources = status.Role{State: status.Reporting}, nil
	two := statustest.Healthy()
	two.Told.Role.StandBys = []string{"", "10.0.0.8"}

	for name, test := range map[string]struct {
		deployment *statustest.Deployment
		state      status.State
		sign       string
		texts      []string
	}{
		"outage": {statustest.Outage(), status.StateUnreachable, "▲", []string{
			"Database unreachable for 4 m 10 s. Deployment metrics are not served. connect to db:5432: connection refused",
			"Check that PostgreSQL runs and accepts connections from this host.", "otelcoder check", "Runbook OtelcoderDatabaseDown",
			"Not known while the database is unreachable.",
		}},
		"standby": {statustest.StandBy(), status.StateStandingBy, "○", []string{
			"Standing by for 2 h. Replica 10.0.0.7 reports. /metrics/deployment is empty here on purpose.", "The replica that reports shows it.", "Nothing is pushed.", "Nothing was refused.",
		}},
		"unknown reporter": {unknownReporter, status.StateStandingBy, "○", []string{"Standing by for 2 h. Another replica reports."}},
		"one source fails": {statustest.Degraded(), status.StateDegraded, "▲", []string{
			"Reporting for 3 h 12 m, but 1 of 7 sources fail: insights. 1 replica stands by (10.0.0.7). Oldest data: 7 m.",
			"permission denied for table workspace_app_stats", `otelcoder grants --role otelcoder | psql "$OWNER_URL"`, "insights ▲ fails for 3 m 7 m / 5 m – – 48",
		}},
		"push fails": {push, status.StateDegraded, "▲", []string{
			"Reporting for 3 h 12 m, but the push fails.", "collector:4318: no such host", "Check the address.", "Runbook OtelcoderPushFailing",
		}},
		"starting":       {starting, status.StateStarting, "○", []string{"Starting. 7 sources have not answered yet.", "agents ○ not asked yet –"}},
		"no replicas":    {alone, status.StateOK, "●", []string{"Reporting this deployment."}},
		"two replicas":   {two, status.StateOK, "●", []string{"2 replicas stand by (10.0.0.8)."}},
		"nothing at all": {&statustest.Deployment{Told: status.Facts{At: statustest.Now, Sample: status.NoSample()}}, status.StateOK, "●", []string{"Reporting this deployment.", "No scrape yet."}},
	} {
		t.Run(name, func(t *testing.T) {
			page := html(t, test.deployment, "")
			wantText(t, page, append(test.texts, test.sign)...)
			if !strings.Contains(page, "<title>"+test.sign+" otelcoder status</title>") {
				t.Errorf("the title lacks %s", test.sign)
			}
			var report status.Report
			decode(t, get(t, test.deployment, statustest.History(), "?format=json").Body, &report)
			if report.State != test.state {
				t.Errorf("got state %q, want %q", report.State, test.state)
			}
		})
	}
}

func decode(t *testing.T, from io.Reader, to any) {
	t.Helper()
	decoder := json.NewDecoder(from)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(to); err != nil {
		t.Fatal(err)
	}
}

func TestJSON(t *testing.T) {
	d := statustest.Degraded()
	d.Told.Families = slices.DeleteFunc(d.Told.Families, func(f status.Family) bool {
		return f.Name != "coderd_agents_up" && f.Name != "go_goroutines"
	})
	for i := range d.Told.Sources[:4] {
		d.Told.Sources[i].Up = true
	}
	for name, query := range map[string]string{
		"status": "?format=json",
		"family": "?format=json&family=coderd_agents_up&label.username=ann16&has.workspace_name=96",
	} {
		w := get(t, d, statustest.History(), query)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("got status %d, content type %q, want 200 and JSON", w.Code, w.Header().Get("Content-Type"))
		}
		var got bytes.Buffer
		if err := json.Indent(&got, w.Body.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		// Put the points on one line: one line per number would be too long.
		text := regexp.MustCompile(`(?s)"points": \[.*?\]`).ReplaceAllStringFunc(got.String(), func(points string) string {
			return strings.Join(strings.Fields(points), " ")
		})
		golden := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if text != string(want) {
			t.Errorf("%s differs from %s; to see the difference, run: go test ./internal/status -run TestJSON -update; git diff", query, golden)
		}
	}
}

func TestJSONCanBeRead(t *testing.T) {
	d := statustest.Degraded()
	var report status.Report
	decode(t, get(t, d, statustest.History(), "?format=json").Body, &report)
	if !report.Started.Equal(d.Told.Started) || report.Role.StandBys[0] != "10.0.0.7" || report.Sources[4].Problem.Command != d.Told.Sources[4].Problem.Command {
		t.Errorf("got %+v", report.Facts)
	}
	if report.Sources[4].P95Seconds.Known() || report.Deployment.Agents["disconnected"] != 12 || report.LastHour["p95_seconds"].Points[30] <= 0 {
		t.Errorf("got %+v, %+v", report.Sources[4], report.Deployment)
	}
	decode(t, get(t, statustest.StandBy(), new(status.History), "?format=json").Body, &report)
}

func TestFamily(t *testing.T) {
	d := statustest.Healthy()
	page := html(t, d, "?family=coderd_agents_connections")
	wantText(t, page, "coderd_agents_connections gauge", "Agent connections with statuses.", "9,885 series, the first 1,000 shown",
		"main ready connected nodeid:0000000000000000 ada0 workspace-0 1", "Oldest data: 42 s.")
	if n := strings.Count(page, "<td><bdi>main</bdi>"); n != 1000 {
		t.Errorf("got %d series, want 1,000", n)
	}
	if !slices.Equal(d.Opened, []string{"coderd_agents_connections"}) {
		t.Errorf("got series read of %q, want coderd_agents_connections", d.Opened)
	}

	// The number of disconnected agents links to their series.
	elements, _ := parse(t, html(t, d, ""))
	link := slices.IndexFunc(elements, func(e element) bool { return strings.Contains(e.Attributes["href"], "disconnected") })
	if link < 0 {
		t.Fatal("the page has no link to the disconnected agents")
	}
	page = html(t, d, elements[link].Attributes["href"])
	wantText(t, page, `coderd_agents_connections{status="disconnected"}`, "status = disconnected", "12 series · Show all", "main off disconnected", "workspace-8235 1")
	if strings.Contains(page, "<bdi>connected</bdi>") {
		t.Error("the filter for disconnected agents shows connected ones")
	}

	wantText(t, html(t, d, "?family=coderd_api_request_latencies_seconds"), "method path Count Sum Mean", "GET /api/v2/workspaces 1200 31.2 0.026",
		"histogram_quantile(0.95, sum by (le) (rate(coderd_api_request_latencies_seconds_bucket[5m])))")
	wantText(t, html(t, d, "?family=coderd_agents_up&has.username=nobody"), "0 series", "No series matches.")
	wantText(t, html(t, d, "?family=go_memstats_alloc_bytes"), "No series yet.")
	wantText(t, html(t, statustest.StandBy(), "?family=coderd_agents_up"), "No series: another replica reports the deployment.")
	wantText(t, html(t, statustest.Outage(), "?family=coderd_agents_up"), "No series: the database is unreachable.")

	for query, want := range map[string]string{"?family=nothing": "No metric of this name", "?family=nothing&format=json": "no such family"} {
		w := get(t, d, statustest.History(), query)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got status %d, want 404 with %q", query, w.Code, want)
		}
	}
}

func TestFilters(t *testing.T) {
	d := &statustest.Deployment{
		Told: status.Facts{At: statustest.Now, Sample: status.NoSample(), Families: []status.Family{
			{Name: "gauge", Type: "gauge", Labels: []string{"user", "workspace"}},
			{Name: "counter_total", Type: "counter", Labels: []string{"user", "workspace"}},
			{Name: "seconds", Type: "histogram", Labels: []string{"user"}},
			{Name: "summary", Type: "summary"},
		}},
		Of: map[string]iter.Seq[status.Series]{"gauge": slices.Values([]status.Series{
			{Labels: []string{"ann", "dev"}, Value: 1}, {Labels: []string{"Hannah", "dev.2"}, Value: 2}, {Labels: []string{"", "a\"b\\c"}, Value: 3},
			{Labels: []string{"short"}, Value: 4}, {Labels: []string{"long", "dev", "more"}, Value: 5},
		})},
	}
	for query, want := range map[string]struct {
		promQL string
		values []string
	}{
		"family=gauge":                                    {`gauge`, []string{"1", "2", "3", "4", "5"}},
		"family=gauge&label.user=ann":                     {`gauge{user="ann"}`, []string{"1"}},
		"family=gauge&label.user=":                        {`gauge{user=""}`, []string{"3"}},
		"family=gauge&label.workspace=":                   {`gauge{workspace=""}`, []string{"4"}},
		"family=gauge&has.user=ANN&has.workspace=":        {`gauge{user=~"(?i).*ANN.*"}`, []string{"1", "2"}},
		"family=gauge&has.workspace=v.":                   {`gauge{workspace=~"(?i).*v\\..*"}`, []string{"2"}},
		"family=gauge&label.user=ann&has.workspace=x":     {`gauge{user="ann",workspace=~"(?i).*x.*"}`, nil},
		"family=gauge&label.workspace=a%22b%5Cc":          {`gauge{workspace="a\"b\\c"}`, []string{"3"}},
		"family=gauge&label.other=x&has.other=y&label.=z": {`gauge`, []string{"1", "2", "3", "4", "5"}},
		"family=counter_total&label.user=ann":             {`rate(counter_total{user="ann"}[5m])`, nil},
		"family=seconds&label.user=ann":                   {`histogram_quantile(0.95, sum by (le) (rate(seconds_bucket{user="ann"}[5m])))`, nil},
		"family=summary":                                  {`summary`, nil},
	} {
		var report status.FamilyReport
		decode(t, get(t, d, new(status.History), "?format=json&"+query).Body, &report)
		var values []string
		for _, s := range report.Shown {
			values = append(values, s.Value)
		}
		if report.PromQL != want.promQL || !slices.Equal(values, want.values) || report.Matched != len(want.values) {
			t.Errorf("%s: got %s with %q of %d, want %s with %q", query, report.PromQL, values, report.Matched, want.promQL, want.values)
		}
	}
}

func TestHeadersKeepThePageToItself(t *testing.T) {
	for _, query := range []string{"", "?format=json", "?family=coderd_agents_up", "?family=nothing", "?format=xml"} {
		header := get(t, statustest.Hostile(), statustest.History(), query).Header()
		policy := header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: the policy %q lacks %s", query, policy, directive)
			}
		}
		for _, lax := range []string{"unsafe", "*", "http:", "https:"} {
			if strings.Contains(policy, lax) {
				t.Errorf("%s: the policy %q contains %s", query, policy, lax)
			}
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s: got %q, want %q", query, name, got, want)
			}
		}
	}
	w := get(t, statustest.Healthy(), statustest.History(), "")
	for _, tag := range []string{"style", "script"} {
		_, content, _ := strings.Cut(w.Body.String(), "<"+tag+">")
		content, _, _ = strings.Cut(content, "</"+tag+">")
		sum := sha256.Sum256([]byte(content))
		want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if len(content) < 1000 || !strings.Contains(w.Header().Get("Content-Security-Policy"), want) {
			t.Errorf("the policy does not allow the page's own %s of %d bytes", tag, len(content))
		}
	}
}

func TestMethods(t *testing.T) {
	server := httptest.NewServer(status.NewPage(statustest.Healthy(), statustest.History()))
	defer server.Close()
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405} {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != want || method == "HEAD" && len(body) > 0 {
			t.Errorf("%s: got status %d, %d bytes, error %v; want %d", method, response.StatusCode, len(body), err, want)
		}
	}
	if w := get(t, statustest.Healthy(), statustest.History(), "?format=xml"); w.Code != http.StatusBadRequest {
		t.Errorf("unknown format: got status %d, want 400", w.Code)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	d := statustest.Outage()
	const secret = "s3cret"
	problem := func() *status.Problem {
		return &status.Problem{Error: "connect to postgres://otelcoder:" + secret + "@db/coder with password=" + secret + ": no"}
	}
	d.Told.Role.Problem, d.Told.Sources[0].Problem = problem(), problem()
	d.Told.Push = &status.Push{Endpoint: "https://key:" + secret + "@otlp.example/v1?token=" + secret, Problem: problem()}
	for _, query := range []string{"", "?format=json"} {
		if body := get(t, d, statustest.History(), query).Body.String(); strings.Contains(body, secret) || !strings.Contains(body, "otlp.example/v1") {
			t.Errorf("%q shows a secret, or lacks the endpoint", query)
		}
	}
	if !strings.Contains(d.Told.Sources[0].Problem.Error, secret) {
		t.Error("the page changes the facts of the backend")
	}
}

// link matches the allowed links of the page.
var link = regexp.MustCompile(`^(metrics|\?(family=[^"'<>]*)?(format=json)?|https://github\.com/otelcoder/otelcoder/blob/main/docs/[A-Za-z0-9/]+\.md(#:~:text=[^"'<>]*)?)$`)

// wantHarmless checks that a page has only the expected elements and attributes.
func wantHarmless(t testing.TB, elements []element) {
	t.Helper()
	for _, e := range elements {
		switch e.Name {
		case "script", "style", "img", "iframe", "object", "embed", "base", "animate", "set", "use", "image", "foreignObject":
			t.Errorf("the page has the element <%s>", e.Name)
		}
		for name, value := range e.Attributes {
			switch {
			case strings.HasPrefix(name, "on"), name == "style", name == "src", name == "srcdoc", name == "formaction", name == "action" && value != "":
				t.Errorf("<%s> has %s=%q", e.Name, name, value)
			case name == "href" && e.Name == "link":
				if !strings.HasPrefix(value, "data:image/svg+xml,%3Csvg ") {
					t.Errorf("got <link> to %q, want an SVG image as data", value)
				}
			case name == "href":
				if e.Name != "a" || !link.MatchString(value) {
					t.Errorf("got <%s> with a link to %q, want an allowed link of <a>", e.Name, value)
				}
			}
		}
	}
}

func TestHostileNamesAreOnlyText(t *testing.T) {
	for _, query := range []string{"", "?family=coderd_agents_up", "?family=coderd_agents_up&label.username=%22%3E%3Cscript%3E&has.workspace_name=%3Cb%3E", "?family=%3Cscript%3Ealert(1)%3C/script%3E"} {
		w := get(t, statustest.Hostile(), statustest.History(), query)
		elements, text := parse(t, w.Body.String())
		wantHarmless(t, elements)
		if strings.ContainsAny(text, "\u202e\u200b") {
			t.Errorf("%s: the page contains invisible characters", query)
		}
	}
	wantText(t, html(t, statustest.Hostile(), ""), `<script>document.title="pwned"</script>`, `user\u202egpj.exe`, "{{.Script}}", "javascript:document.title")
	for _, evil := range statustest.Evil {
		w := get(t, statustest.Hostile(), statustest.History(), "?family="+strings.NewReplacer("%", "%25", "&", "%26", "#", "%23", "+", "%2B", " ", "+", ";", "%3B", "\x00", "%00", "\x07", "%07", "\xff", "%FF").Replace(evil))
		elements, _ := parse(t, w.Body.String())
		wantHarmless(t, elements)
	}
}

// FuzzNames checks that names never change the elements of the page.
func FuzzNames(f *testing.F) {
	for _, evil := range statustest.Evil {
		f.Add(evil)
	}
	f.Add("--><b>")
	f.Add("]]>&lt;&#60;&amp")
	f.Add("\\u003cscript\\u003e`${1}`")
	// Templates are escaped at their first execution, so all names use one page.
	backend := new(current)
	page := status.NewPage(backend, statustest.History())
	shape := func(t testing.TB, name string) []string {
		d := statustest.Degraded()
		backend.Deployment = d
		d.Told.Database = &status.Database{Address: name, Name: name}
		d.Told.Version, d.Told.Preview = name, strings.NewReplacer("\n", " ", "\r", " ").Replace(name)
		d.Told.Role.StandBys = []string{name}
		d.Told.Sources[4].Name = name
		d.Told.Sources[4].Problem = &status.Problem{Error: name, Remedy: name, Command: name, Runbook: "<" + name}
		d.Told.Refused = []status.Refusal{{Origin: name, Reason: name, Count: 1, Last: statustest.Now, Means: name}}
		d.Told.Scrapes.Last = &status.Scrape{By: name, Path: name, Format: name, Encoding: name}
		d.Told.Sample.Workspaces = map[string]float64{" " + name: 1}
		d.Told.Sample.Agents = map[string]float64{" " + name: 1}
		d.Told.Families = []status.Family{{Name: "f", Type: name, Help: name, Labels: []string{name}}, {Name: name, Type: name, Help: name, Labels: []string{name}}}
		d.Of = map[string]iter.Seq[status.Series]{"f": slices.Values([]status.Series{{Labels: []string{name}}})}
		var names []string
		for _, query := range []string{"", "?family=f"} {
			w := httptest.NewRecorder()
			page.ServeHTTP(w, httptest.NewRequest("GET", "/"+query, nil))
			elements, _ := parse(t, w.Body.String())
			wantHarmless(t, elements)
			for _, e := range elements {
				names = append(names, e.Name)
			}
		}
		return names
	}
	want := shape(f, "x")
	f.Fuzz(func(t *testing.T, name string) {
		if strings.TrimSpace(name) == "" {
			return // the template omits the elements of an empty text
		}
		if !slices.Equal(shape(t, name), want) {
			t.Errorf("%q changes the elements of the page", name)
		}
	})
}

// current is a Backend with a deployment that changes.
type current struct{ *statustest.Deployment }

func asXML(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
		return '?'
	}
	return r
}

func TestViewsBesideRecording(t *testing.T) {
	d, h := statustest.Healthy(), statustest.History()
	page := status.NewPage(quiet{d}, h)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 5 {
				h.Record(statustest.Now.Add(-time.Duration(i*5+j)*time.Second), d.Told.Sample)
				for _, query := range []string{"", "?format=json", "?family=coderd_agents_up&has.username=ann"} {
					w := httptest.NewRecorder()
					page.ServeHTTP(w, httptest.NewRequest("GET", "/"+query, nil))
					if w.Code != http.StatusOK {
						t.Errorf("%q: got status %d, want 200", query, w.Code)
					}
				}
			}
		})
	}
	group.Wait()
}

// quiet is a Backend that does not record opened families.
type quiet struct{ d *statustest.Deployment }

func (q quiet) Facts(ctx context.Context) status.Facts { return q.d.Facts(ctx) }

func (q quiet) Series(_ context.Context, family string) iter.Seq[status.Series] {
	return q.d.Of[family]
}

// BenchmarkPage measures views of the page of a process with 150,000 series, and of a family
// with 100,000 series.
func BenchmarkPage(b *testing.B) {
	d := statustest.Healthy()
	many := make([]status.Series, 100_000)
	for i := range many {
		many[i] = status.Series{Labels: []string{"docker", fmt.Sprintf("user-%d", i%5000), fmt.Sprintf("workspace-%d", i)}, Value: 1}
	}
	d.Of["coderd_agents_up"] = slices.Values(many)
	page := status.NewPage(quiet{d}, statustest.History())
	for name, query := range map[string]string{
		"page": "", "json": "?format=json", "family": "?family=coderd_agents_up", "filtered": "?family=coderd_agents_up&has.username=user-49",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				page.ServeHTTP(w, httptest.NewRequest("GET", "/"+query, nil))
				b.ReportMetric(float64(w.Body.Len()), "body-B")
			}
		})
	}
}
