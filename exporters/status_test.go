package exporters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/meters"
)

const (
	firefox  = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)

func TestBrowsersGetThePageAndScrapersWhatTheyGot(t *testing.T) {
	without := newExporter(t, exporters.WithoutStatusPage())
	with := newExporter(t)
	for name, accept := range map[string]string{
		"curl":                         "*/*",
		"wget":                         "*/*",
		"nothing":                      "",
		"java":                         "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
		"telegraf":                     "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3",
		"datadog":                      "text/plain",
		"datadog openmetrics":          "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1",
		"vmagent":                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		"alloy":                        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		"prometheus 2":                 "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		"prometheus 3":                 "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		"prometheus native histograms": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
	} {
		for _, path := range []string{"/", "/metrics"} {
			want := scrape(t, without, "GET", path, "Accept", accept)
			got := scrape(t, with, "GET", path, "Accept", accept)
			if a, b := got.Header.Get("Content-Type"), want.Header.Get("Content-Type"); a != b || strings.Contains(a, "html") {
				t.Errorf("%s, %s: content type %q, without the page %q", name, path, a, b)
			}
			if !strings.Contains(got.Header.Get("Vary"), "Accept") {
				t.Errorf("%s, %s: Vary %q, want Accept", name, path, got.Header.Get("Vary"))
			}
			first := func(s string) string { return s[:min(len(s), 100)] }
			if a, b := first(body(t, got)), first(body(t, want)); a != b {
				t.Errorf("%s, %s: the response begins with %q, without the page with %q", name, path, a, b)
			}
		}
	}
	for name, accept := range map[string]string{"firefox": firefox, "chromium": chromium} {
		got := scrape(t, with, "GET", "/", "Accept", accept)
		if c := got.Header.Get("Content-Type"); c != "text/html; charset=utf-8" {
			t.Errorf("%s: content type %q, want HTML", name, c)
		}
		if v := got.Header.Get("Vary"); v != "Accept" {
			t.Errorf("%s: Vary %q, want Accept", name, v)
		}
		if text := body(t, got); !strings.Contains(text, `<a href="metrics">`) {
			t.Errorf("%s: the page has no link to the raw metrics", name)
		}
		if c := scrape(t, with, "GET", "/metrics", "Accept", accept).Header.Get("Content-Type"); !strings.HasPrefix(c, "text/plain") {
			t.Errorf("%s: content type of /metrics %q, want text/plain", name, c)
		}
		if c := scrape(t, without, "GET", "/", "Accept", accept).Header.Get("Content-Type"); !strings.HasPrefix(c, "text/plain") {
			t.Errorf("%s, without the page: content type %q, want text/plain", name, c)
		}
	}
	if got := scrape(t, with, "GET", "/status"); got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("/status without Accept: content type %q, want HTML", got.Header.Get("Content-Type"))
	}
	if got := scrape(t, without, "GET", "/status"); got.StatusCode != http.StatusNotFound {
		t.Errorf("/status without the page: status %d, want 404", got.StatusCode)
	}
}

func TestViewsAreNoScrapes(t *testing.T) {
	e := newExporter(t)
	for range 3 {
		scrape(t, e, "GET", "/", "Accept", firefox)
		scrape(t, e, "GET", "/status")
		scrape(t, e, "GET", "/status?format=json")
	}
	text := body(t, scrape(t, e, "GET", "/metrics"))
	if !strings.Contains(text, `promhttp_metric_handler_requests_total{code="200"} 0`) {
		t.Error("views of the page are counted as scrapes")
	}
}

// report has the fields of the page's JSON that the tests use.
type report struct {
	State, Headline string
	Version         string
	MetricNames     string `json:"metric_names"`
	Role            health.Role
	Database        *health.Database
	Sources         []health.Source
	Refused         []health.Refusal
	Push            *health.Push
	Deployment      *struct {
		Workspaces, Agents   map[string]float64
		ActiveUsers, Seats   health.Number
		BuildsFailedLastHour health.Number `json:"builds_failed_last_hour"`
		ActiveUsersLastHour  health.Number `json:"active_users_last_hour"`
		JobsRunning          health.Number `json:"jobs_running"`
	}
	API *struct {
		InFlight          health.Number `json:"in_flight"`
		RequestsPerSecond health.Number `json:"requests_per_second"`
		ErrorShare        health.Number `json:"error_share"`
		P95Seconds        health.Number `json:"p95_seconds"`
	}
	LastHour map[string]struct{ Last health.Number } `json:"last_hour"`
	Families []struct {
		Name   string
		Series int
	}
	Scrapes struct {
		Last *struct {
			By, Path, Format, Encoding string
			Bytes                      int64
		}
		PerMinute health.Number `json:"per_minute"`
	}
}

func (r report) series(f instrument.Family) int {
	for _, family := range r.Families {
		if family.Name == f.String() {
			return family.Series
		}
	}
	return -1
}

func view(t *testing.T, e *exporters.Exporter) (r report) {
	t.Helper()
	response := scrape(t, e, "GET", "/status?format=json")
	if err := json.NewDecoder(response.Body).Decode(&r); err != nil || response.StatusCode != 200 {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return r
}

func TestPageWithoutAScrape(t *testing.T) {
	e := newExporter(t)
	r := view(t, e)
	if r.State != "ok" || r.Role.State != health.Reporting || r.Role.Since.IsZero() {
		t.Errorf("state %q, role %+v", r.State, r.Role)
	}
	if got := r.series(instrument.AgentsUp); got != 1 {
		t.Errorf("%d series of agents, want 1", got)
	}
	if got := r.series(instrument.GoInfo); got != 1 {
		t.Errorf("%d series of go_info, want 1", got)
	}
	if r.Deployment == nil || r.Deployment.JobsRunning != 4 || r.API == nil || r.API.InFlight != 3 {
		t.Errorf("deployment %+v, API %+v", r.Deployment, r.API)
	}
	if len(r.Families) != len(allFamilies()) {
		t.Errorf("%d families, want %d", len(r.Families), len(allFamilies()))
	}
	for family, want := range map[string]string{
		"coderd_agents_up": `"labels":{"template_name":"tmpl","username":"ann","workspace_name":"dev"},"value":"2"`,
		"go_info":          `"value":"1"`,
	} {
		if text := body(t, scrape(t, e, "GET", "/status?format=json&family="+family)); !strings.Contains(text, want) {
			t.Errorf("%s: %s", family, text)
		}
	}
}

func allFamilies() (all []instrument.Family) {
	for f := range instrument.Documented.All() {
		all = append(all, f)
	}
	return all
}

// TestPageInTheEditionCoder checks that the page has the family names of the edition, and
// reads their values.
func TestPageInTheEditionCoder(t *testing.T) {
	e := newExporter(t, exporters.WithEdition(instrument.Coder))
	observe(t, e, instrument.APIWorkspaceLatestBuild, instrument.Coder.Labels(instrument.APIWorkspaceLatestBuild, instrument.LatestBuild{Status: "succeeded"}), 5)
	observe(t, e, instrument.APITotalUserCount, instrument.Coder.Labels(instrument.APITotalUserCount, instrument.UserCount{Status: "active"}), 6)
	scrape(t, e, "GET", "/metrics")
	r := view(t, e)
	if r.MetricNames != "coder" || r.Deployment == nil || r.Deployment.Workspaces["succeeded"] != 5 {
		t.Errorf("metric names %q, deployment %+v, want coder and 5 succeeded", r.MetricNames, r.Deployment)
	}
	series := make(map[string]int)
	for _, f := range r.Families {
		series[f.Name] = f.Series
	}
	if _, documented := series["coderd_api_workspace_latest_build_total"]; documented || series["coderd_api_workspace_latest_build"] != 1 || series["coderd_api_total_user_count"] != 1 || len(series) != 105 {
		t.Errorf("%d families, want 105 of the edition coder: %v", len(series), series)
	}
	if page := body(t, scrape(t, e, "GET", "/status")); !strings.Contains(page, `<a href="?family=coderd_api_workspace_latest_build">`) || !strings.Contains(page, "names: coder") {
		t.Error("the page does not name the families of the edition coder")
	}
	opened := body(t, scrape(t, e, "GET", "/status?family=coderd_api_total_user_count"))
	if !strings.Contains(opened, "docs/editions.md#:~:text=coderd_api_total_user_count") {
		t.Error("the page of a family does not link to the documentation of the edition")
	}
}

func TestAStandbyShowsNoDeployment(t *testing.T) {
	var reports atomic.Bool
	reports.Store(true)
	e := newExporter(t, exporters.WithReporter(reports.Load))
	scrape(t, e, "GET", "/metrics")
	if r := view(t, e); r.Deployment == nil || r.series(instrument.AgentsUp) != 1 {
		t.Errorf("with the role: deployment %+v, want one series of coderd_agents_up", r.Deployment)
	}
	if text := body(t, scrape(t, e, "GET", "/status")); !strings.Contains(text, "coderd_agents_up{") {
		t.Error("with the role: the preview lacks coderd_agents_up")
	}
	reports.Store(false)
	r := view(t, e)
	if r.State != "standing_by" || r.Deployment != nil || r.series(instrument.AgentsUp) != 0 || r.series(instrument.ProvisionerdJobsCurrent) != 0 {
		t.Errorf("without the role: state %q, deployment %+v, %d agents, want standing_by and none", r.State, r.Deployment, r.series(instrument.AgentsUp))
	}
	if r.series(instrument.APIConcurrentRequests) != 1 || r.API == nil {
		t.Error("without the role: the numbers of the process are missing")
	}
	for _, path := range []string{"/status", "/status?family=coderd_agents_up", "/status?format=json&family=coderd_agents_up"} {
		if text := body(t, scrape(t, e, "GET", path)); strings.Contains(text, "ann") && strings.Contains(text, "tmpl") {
			t.Errorf("without the role: %s shows the deployment", path)
		}
	}
}

func TestTheRoleIsLostWhileAViewIsSent(t *testing.T) {
	var reports atomic.Bool
	reports.Store(true)
	e := newExporter(t, exporters.WithReporter(reports.Load))
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the page was sent in full, want http.ErrAbortHandler")
		}
	}()
	e.Handler().ServeHTTP(onWrite{httptest.NewRecorder(), func() { reports.Store(false) }}, httptest.NewRequest("GET", "/status", nil))
}

func TestThePageWorksUnderAnyPath(t *testing.T) {
	e := newExporter(t)
	mounted := http.StripPrefix("/otel", e.Handler())
	for path, want := range map[string]int{"/otel/": 200, "/otel/status": 200, "/otel/status/": 301, "/otel/nothing": 404} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", firefox)
		w := httptest.NewRecorder()
		mounted.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
		if text := w.Body.String(); strings.Contains(text, `href="/`) || strings.Contains(text, `action="/`) {
			t.Errorf("%s has links with an absolute path", path)
		}
		if want == 301 && w.Header().Get("Location") != "../status" {
			t.Errorf("%s redirects to %q, want ../status", path, w.Header().Get("Location"))
		}
	}
}

func TestNoPageAfterShutdown(t *testing.T) {
	e := newExporter(t)
	e.Shutdown(t.Context())
	for _, path := range []string{"/", "/status", "/status?format=json"} {
		if got := scrape(t, e, "GET", path, "Accept", firefox); got.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d, want 503", path, got.StatusCode)
		}
	}
}

func TestScrapesAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := exporters.New()
		if err != nil {
			t.Fatal(err)
		}
		defer e.Shutdown(t.Context())
		if r := view(t, e); r.Scrapes.Last != nil {
			t.Errorf("before the first scrape: %+v, want no last scrape", r.Scrapes)
		}
		var size int64
		for range 21 { // every 15 s for five minutes
			answer := scrape(t, e, "GET", "/metrics", "User-Agent", "Prometheus/3.8.0", "Accept-Encoding", "gzip")
			size = int64(len(body(t, answer)))
			time.Sleep(15 * time.Second)
		}
		r := view(t, e)
		if l := r.Scrapes.Last; l == nil || l.By != "Prometheus/3.8.0" || l.Path != "/metrics" || l.Format != "text" || l.Encoding != "gzip" || l.Bytes != size {
			t.Errorf("last scrape %+v, want %d bytes of gzipped text by Prometheus/3.8.0", l, size)
		}
		if r.Scrapes.PerMinute != 4 {
			t.Errorf("%v scrapes a minute, want 4", r.Scrapes.PerMinute)
		}
		scrape(t, e, "GET", "/", "User-Agent", strings.Repeat("é", 5000)+"\xff", "Accept", "application/openmetrics-text;version=1.0.0")
		if l := view(t, e).Scrapes.Last; l.Format != "openmetrics" || l.Encoding != "" || len(l.By) > 210 || !strings.HasPrefix(l.By, "ééé") {
			t.Errorf("last scrape %+v, want OpenMetrics by a shortened user agent", l)
		}
	})
}

// denied is a source that fails.
type denied struct{}

func (denied) License(context.Context) (meters.License, error) {
	return meters.License{}, errors.New("permission denied for table licenses")
}

func TestPollAndRecordersAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := exporters.New(exporters.WithHealth(
			func(r *health.Report) { r.Database = &health.Database{Address: "db:5432", Name: "coder"} },
			func(r *health.Report) { r.Sources = nil; panic("a host's own") },
		))
		if err != nil {
			t.Fatal(err)
		}
		defer e.Shutdown(t.Context())
		m, err := meters.New(e.Providers())
		if err != nil {
			t.Fatal(err)
		}
		defer m.Shutdown(t.Context())
		for range 2 {
			m.Builds().Start(meters.Build{Action: "explode"})
		}
		m.Poll(meters.Sources{License: denied{}})
		synctest.Wait()
		r := view(t, e)
		if len(r.Sources) != 1 || r.Sources[0].Name != "license" || r.Sources[0].Problem == nil || r.Sources[0].Problem.Error != "permission denied for table licenses" {
			t.Errorf("sources %+v, want license with the error of denied", r.Sources)
		}
		if r.Database == nil || r.Database.Name != "coder" {
			t.Errorf("database %+v, want coder", r.Database)
		}
		found := false
		for _, refused := range r.Refused {
			if refused.Origin == "builds" && refused.Reason == "action" {
				if found || refused.Count != 2 || refused.Last.IsZero() || refused.Means == "" {
					t.Errorf("refusals %+v, want 2 with time and meaning; occurred before: %t", refused, found)
				}
				found = true
			}
		}
		if !found {
			t.Error("the refusals of builds are not shown")
		}
		if text := body(t, scrape(t, e, "GET", "/metrics")); !strings.Contains(text, `otelcoder_refused_total{origin="builds",reason="action"} 2`) {
			t.Error("otelcoder_refused_total of builds is not 2")
		}
	})
}

func TestTheLastHourIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := exporters.New()
		if err != nil {
			t.Fatal(err)
		}
		defer e.Shutdown(t.Context())
		var observations []*instrument.Observation
		count := func(f instrument.Family, values map[string]func(minutes float64) float64, labels func(string) instrument.Labels) {
			began := time.Now()
			observation, err := e.Providers().Observe(func(o instrument.Observer) {
				for name, value := range values {
					o.Observe(f, labels(name), value(time.Since(began).Minutes()))
				}
			}, f)
			if err != nil {
				t.Fatal(err)
			}
			observations = append(observations, observation)
		}
		constant := func(v float64) func(float64) float64 { return func(float64) float64 { return v } }
		growing := func(v float64) func(float64) float64 { return func(m float64) float64 { return v * m } }
		count(instrument.APIWorkspaceLatestBuild, map[string]func(float64) float64{"succeeded": constant(9), "failed": constant(1)},
			func(s string) instrument.Labels {
				return instrument.Documented.Labels(instrument.APIWorkspaceLatestBuild, instrument.LatestBuild{Status: s})
			})
		count(instrument.AgentsConnections, map[string]func(float64) float64{"connected": constant(3), "disconnected": constant(2)},
			func(s string) instrument.Labels {
				agent := instrument.Agent{AgentName: "main", Username: "ann", WorkspaceName: "dev"}
				return instrument.Documented.Labels(instrument.AgentsConnections, instrument.AgentConnection{Agent: agent, LifecycleState: "ready", Status: s})
			})
		count(instrument.WorkspaceBuilds, map[string]func(float64) float64{"success": growing(2), "failed": growing(1)},
			func(s string) instrument.Labels {
				return instrument.Documented.Labels(instrument.WorkspaceBuilds, instrument.WorkspaceBuild{
					Action: "START", Status: s, TemplateName: "t", TemplateVersion: "v", WorkspaceName: "w",
				})
			})
		count(instrument.APIConcurrentRequests, map[string]func(float64) float64{"": constant(7)},
			func(string) instrument.Labels {
				return instrument.Documented.Labels(instrument.APIConcurrentRequests, instrument.NoLabels{})
			})
		count(instrument.APIRequestsProcessed, map[string]func(float64) float64{"200": growing(54), "500": growing(6)},
			func(code string) instrument.Labels {
				status, err := strconv.Atoi(code)
				if err != nil {
					t.Fatal(err)
				}
				return instrument.Documented.Labels(instrument.APIRequestsProcessed, instrument.APIRequest{Code: status, Method: "GET", Path: "/"})
			})
		for minute := range 60 {
			time.Sleep(time.Minute)
			for _, o := range observations {
				o.Changed()
			}
			if minute > 30 { // no scrapes in the first half hour
				scrape(t, e, "GET", "/metrics")
			}
		}
		r := view(t, e)
		if r.Deployment == nil || r.Deployment.Workspaces["succeeded"] != 9 || r.Deployment.Agents["disconnected"] != 2 {
			t.Errorf("deployment %+v, want 9 succeeded workspaces and 2 disconnected agents", r.Deployment)
		} else if n := r.Deployment.BuildsFailedLastHour; n < 55 || n > 61 {
			t.Errorf("%v builds failed in the last hour, want about 60", n)
		}
		if r.API == nil || r.API.InFlight != 7 || r.API.RequestsPerSecond < 0.9 || r.API.RequestsPerSecond > 1.1 || r.API.ErrorShare < 0.09 || r.API.ErrorShare > 0.11 {
			t.Errorf("API %+v, want 7 in flight, 1 request a second, 10 %% errors", r.API)
		}
		if r.LastHour["workspaces"].Last != 10 {
			t.Errorf("last hour %+v, want 10 workspaces at its end", r.LastHour)
		}
	})
}

func TestNamesCannotInjectMarkup(t *testing.T) {
	e, err := exporters.New()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown(t.Context())
	var workspaces []meters.Workspace
	for _, name := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, "a\xff\x00b", strings.Repeat("x", 5000)} {
		workspaces = append(workspaces, meters.Workspace{Name: name, Username: name, Template: name,
			Agents: []meters.Agent{{Name: name, Status: meters.AgentConnected, Lifecycle: meters.LifecycleReady}}})
	}
	m, err := meters.New(e.Providers())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown(t.Context())
	m.Poll(meters.Sources{Agents: fleet(workspaces)})
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(body(t, scrape(t, e, "GET", "/metrics")), "coderd_agents_up{") {
		if time.Now().After(deadline) {
			t.Fatal("no series of coderd_agents_up within 20s")
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, path := range []string{"/status", "/status?family=coderd_agents_up", "/status?family=coderd_agents_connections&has.username=%3Cscript%3E"} {
		text := body(t, scrape(t, e, "GET", path, "User-Agent", "<script>alert(1)</script>"))
		for _, evil := range []string{"<script>alert", "<img src=x", "onmouseover='alert", `href="javascript:`} {
			if strings.Contains(text, evil) {
				t.Errorf("%s contains %s, want it escaped", path, evil)
			}
		}
		if path != "/status" && !strings.Contains(text, "alert(1)") {
			t.Errorf("%s does not show the names of the workspaces", path)
		}
	}
}

type fleet []meters.Workspace

func (f fleet) Agents(context.Context) ([]meters.Workspace, error) { return f, nil }

// BenchmarkStatusPage measures the status page and scrapes of an exporter with 150,000
// series.
func BenchmarkStatusPage(b *testing.B) {
	e, err := exporters.New()
	if err != nil {
		b.Fatal(err)
	}
	defer e.Shutdown(context.Background())
	labels := make([]instrument.Labels, 50_000)
	for i := range labels {
		labels[i] = instrument.Documented.Labels(instrument.AgentsConnections, instrument.AgentConnection{
			Agent: instrument.Agent{
				AgentName:     "main",
				Username:      fmt.Sprintf("user-%d", i/10),
				WorkspaceName: fmt.Sprintf("workspace-%d", i),
			},
			LifecycleState: "ready",
			Status:         "connected",
			TailnetNode:    fmt.Sprintf("nodeid:%016x", i),
		})
	}
	families := []instrument.Family{instrument.AgentsConnections, instrument.AgentsApps, instrument.AgentStatsConnections}
	if _, err := e.Providers().Observe(func(o instrument.Observer) {
		for _, f := range families {
			for _, l := range labels {
				o.Observe(f, l, 1)
			}
		}
	}, families...); err != nil {
		b.Fatal(err)
	}
	get := func(b *testing.B, target string) {
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
	get(b, "/metrics")
	for name, path := range map[string]string{"page": "/status", "family": "/status?family=coderd_agents_connections", "scrape": "/metrics"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				get(b, path)
			}
		})
	}
	b.Run("scrape while viewed", func(b *testing.B) {
		ended, stop := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for {
				select {
				case <-stop:
					return
				case <-time.After(500 * time.Millisecond): // as often as ten viewers
					get(b, "/status")
				}
			}
		}()
		for b.Loop() {
			get(b, "/metrics")
		}
		close(stop)
		<-ended
	})
}

// TestSeriesOfAFamily checks that the page shows the same series before a scrape, when it
// collects them, and after it, when it reads them from the rendering in any format and
// encoding.
func TestSeriesOfAFamily(t *testing.T) {
	for _, scraper := range [][]string{
		{"Accept", "text/plain"},
		{"Accept", "text/plain", "Accept-Encoding", "gzip"},
		{"Accept", "application/openmetrics-text;version=1.0.0", "Accept-Encoding", "gzip"},
		{"Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"},
	} {
		e := newExporter(t)
		for i, name := range []string{"", "a b", `q"uo\te`, "new\nline", `\n`, "{}=,", "ü", `",x="`, `\`} {
			observe(t, e, instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "t", Username: "u", WorkspaceName: name}), float64(i)+0.5)
			observe(t, e, instrument.WorkspaceBuilds, instrument.Documented.Labels(instrument.WorkspaceBuilds, instrument.WorkspaceBuild{
				Action: "START", Status: "success", TemplateName: "t", TemplateVersion: name, WorkspaceName: "w",
			}), float64(i))
		}
		timings, err := e.Providers().Histogram(instrument.ProvisionerdJobTimings)
		if err != nil {
			t.Fatal(err)
		}
		for i, outcome := range []string{"success", "failed"} {
			timings.Record(t.Context(), float64(i)+1.5, instrument.Documented.Labels(instrument.ProvisionerdJobTimings, instrument.ProvisionerJob{Provisioner: "terraform", Status: outcome}))
		}
		want := make(map[instrument.Family]string)
		for _, scraped := range []bool{false, true} {
			if scraped {
				scrape(t, e, "GET", "/metrics", scraper...)
			}
			for f, n := range map[instrument.Family]int{instrument.AgentsUp: 10, instrument.WorkspaceBuilds: 9, instrument.ProvisionerdJobTimings: 2} {
				text := body(t, scrape(t, e, "GET", "/status?format=json&family="+f.String()))
				if !scraped {
					want[f] = text
					var r struct {
						Shown []struct{ Value, Sum, Count string }
					}
					if err := json.Unmarshal([]byte(text), &r); err != nil || len(r.Shown) != n {
						t.Errorf("%s: %d series, want %d; %v", f, len(r.Shown), n, err)
					}
				} else if a, b := shown(text), shown(want[f]); a != b {
					t.Errorf("%v, %s: got\n%s, want\n%s", scraper, f, a, b)
				}
			}
		}
	}
}

// shown returns the part of a family's JSON with its series.
func shown(text string) string { return text[strings.Index(text, `"matched"`):] }
