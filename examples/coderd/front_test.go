package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otelcoder/otelcoder/meters"
)

// press sends the request of a button of the front page as a browser does. It returns the
// page after the redirect.
func press(t *testing.T, p *program, button string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", p.api+"/front/"+button, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", p.api)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || response.Request.URL.Path != "/" {
		t.Fatalf("%s redirects to %s: status %d: %v", button, response.Request.URL, response.StatusCode, err)
	}
	return string(page)
}

func wantText(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(page, text) {
			t.Errorf("no %q in\n%s", text, page)
		}
	}
}

// sum adds the samples whose name and labels contain all parts.
func (s samples) sum(parts ...string) (sum float64) {
	for sample, value := range s {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(sample, part) }) {
			sum += value
		}
	}
	return sum
}

func (p *program) wantSum(t *testing.T, want float64, parts ...string) {
	t.Helper()
	p.until(t, func(s samples) error {
		if got := s.sum(parts...); got != want {
			return fmt.Errorf("got the sum %v of %q, want %v", got, parts, want)
		}
		return nil
	})
}

func TestFrontBreakAgent(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "4")
	connection := []string{"coderd_agents_connections{", `agent_name="main"`, `username="ada"`, `workspace_name="dev"`}
	p.wantSum(t, 1, append(connection, `status="connected"`)...)
	_, page := ask(t, "GET", p.api, "")
	wantText(t, page, "Nothing is broken.", `action="/front/agents/main.dev.ada/break"`)

	page = press(t, p, "agents/main.dev.ada/break")
	wantText(t, page, "1 agent is broken.", "Break agent main.dev.ada", `action="/front/agents/main.dev.ada/repair"`,
		p.metrics+`/status?family=coderd_agents_connections"`)
	p.wantSum(t, 1, append(connection, `status="disconnected"`)...)
	p.wantSum(t, 3, "coderd_api_concurrent_websockets")

	page = press(t, p, "agents/main.dev.ada/repair")
	wantText(t, page, "Nothing is broken.")
	p.wantSum(t, 1, append(connection, `status="connected"`)...)
	p.wantSum(t, 4, "coderd_api_concurrent_websockets")
}

func TestFrontBuild(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "4")
	for _, verb := range []string{"stop", "start"} {
		ended := []string{"coderd_workspace_builds_total{", fmt.Sprintf("action=%q", strings.ToUpper(verb)), `owner_email="ada@example.com"`, `workspace_name="dev"`}
		wantText(t, press(t, p, "workspaces/dev.ada/"+verb), "dev.ada", ">coderd_workspace_builds_total<")
		p.wantSum(t, 1, ended...)
	}
	p.wantSum(t, 1, `coderd_api_requests_processed_total{code="303",method="POST",path="/front/workspaces/{workspace}/stop"}`)
}

func TestFrontBreakTemplate(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "4")
	wantText(t, press(t, p, "templates/docker/break"), "1 template is broken.", "Break template docker", `action="/front/templates/docker/repair"`)
	press(t, p, "workspaces/dev.ada/start")
	p.wantSum(t, 1, "coderd_workspace_builds_total{", `owner_email="ada@example.com"`, `status="failed"`, `template_name="docker"`)
	wantText(t, press(t, p, "templates/docker/repair"), "Nothing is broken.")
}

func TestFrontUseUpRateLimit(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "4")
	wantText(t, press(t, p, "oauth2/use-up"), "Use up the rate limit", ">coderd_oauth2_external_requests_rate_limit_remaining<")
	p.wantSum(t, 0, "coderd_oauth2_external_requests_rate_limit_remaining{")
	p.wantSum(t, 60, "coderd_oauth2_external_requests_rate_limit_used{")
}

// TestFrontStopDatabase checks that the API responds with 503 while the database is stopped,
// and that the series of the sources are withdrawn, but requests are still measured.
func TestFrontStopDatabase(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "4")
	p.wantSum(t, 6, "otelcoder_source_up{")
	wantAgentsUp := func(want bool) {
		t.Helper()
		p.until(t, func(s samples) error {
			if got := s.sum("coderd_agents_up{") > 0; got != want {
				return fmt.Errorf("series of coderd_agents_up: %t, want %t", got, want)
			}
			return nil
		})
	}
	wantAgentsUp(true)

	wantText(t, press(t, p, "database/stop"), "The database is stopped.", ">otelcoder_source_up<", `action="/front/database/start"`)
	if status, answer := ask(t, "GET", p.api+"/api/v2/workspaces/dev.ada", ""); status != 503 || !strings.Contains(answer, "connection refused") {
		t.Errorf("API: got status %d, %s, want 503 with \"connection refused\"", status, answer)
	}
	if status, _ := ask(t, "GET", p.api+"/@ada/dev/apps/docs/", ""); status != 503 {
		t.Errorf("app: got status %d, want 503", status)
	}
	wantText(t, press(t, p, "workspaces/dev.ada/stop"), "✗ connect to the database: connection refused")
	p.wantSum(t, 0, "otelcoder_source_up{")
	p.wantSum(t, 1, `coderd_api_requests_processed_total{code="503",method="GET",path="/api/v2/workspaces/{workspace}"}`)
	p.wantSum(t, 0, `coderd_workspace_builds_total{action="STOP"`, `owner_email="ada@example.com"`, `workspace_name="dev"`)
	wantAgentsUp(false)
	p.wantSum(t, 4, "coderd_api_concurrent_websockets")

	wantText(t, press(t, p, "database/start"), "Nothing is broken.")
	p.wantSum(t, 6, "otelcoder_source_up{")
	wantAgentsUp(true)
	if status, _ := ask(t, "GET", p.api+"/api/v2/workspaces/dev.ada", ""); status != 200 {
		t.Errorf("API: got status %d, want 200", status)
	}
}

func TestFrontRefuses(t *testing.T) {
	t.Parallel()
	p := start(t, "--load", "0", "--workspaces", "4")
	for _, test := range []struct {
		method, path string
		header       http.Header
		want         int
	}{
		{"POST", "/front/database/stop", http.Header{"Origin": {"http://elsewhere.example"}}, 403},
		{"POST", "/front/database/stop", http.Header{"Origin": {"null"}}, 403},
		{"POST", "/front/database/stop", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"POST", "/front/agents/main.dev.ada/break", http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"POST", "/api/v2/workspaces/dev.ada/builds", http.Header{"Origin": {"http://elsewhere.example"}}, 403},
		{"GET", "/front/database/stop", nil, 405},
		{"POST", "/front/agents/nobody/break", nil, 404},
		{"POST", "/front/agents/nobody/repair", nil, 404},
		{"POST", "/front/workspaces/nobody/stop", nil, 404},
		{"POST", "/front/templates/nothing/break", nil, 404},
		{"POST", "/front/workspaces/dev.ada/burn", nil, 404},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, p.api+test.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = test.header.Clone()
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("%s %s %v: status %d, want %d", test.method, test.path, test.header, response.StatusCode, test.want)
		}
	}
	_, page := ask(t, "GET", p.api, "")
	wantText(t, page, "Nothing is broken.", "Nothing yet.")
}

func newTestFront(metricsPort string) *front {
	database := &database{store: newStore(20)}
	return newFront(database, &provisioner{store: database.store, queue: make(chan buildJob, 1)}, nil, new(sync.Map), metricsPort)
}

func frontPage(f *front, host string) *httptest.ResponseRecorder {
	request := httptest.NewRequest("GET", "/", nil)
	request.Host = host
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, request)
	return recorder
}

// TestFrontLinks checks that links have the host name of the visitor's request.
func TestFrontLinks(t *testing.T) {
	for host, want := range map[string]string{
		"localhost:3000": `href="http://localhost:2112/status"`,
		"localhost":      `href="http://localhost:2112/status"`,
		"[::1]:3000":     `href="http://[::1]:2112/status"`,
		`"><script>`:     `href="http://%22%3e%3cscript%3e:2112/status"`,
		"":               `href="http://:2112/status"`,
	} {
		wantText(t, frontPage(newTestFront("2112"), host).Body.String(), want)
	}
	page := frontPage(newTestFront(""), "localhost:3000").Body.String()
	wantText(t, page, "--prometheus-enable")
	if strings.Contains(page, "http://localhost") {
		t.Errorf("the page has a link to the endpoint, which is disabled:\n%s", page)
	}
}

func TestFrontHeaders(t *testing.T) {
	header := frontPage(newTestFront("2112"), "localhost:3000").Header()
	for name, want := range map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Cache-Control":           "no-store",
		"Referrer-Policy":         "same-origin",
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestFrontActions checks that only the newest five actions are kept.
func TestFrontActions(t *testing.T) {
	f := newTestFront("2112")
	for i := range 100 {
		f.done(httptest.NewRecorder(), httptest.NewRequest("POST", "/front", nil), action{Text: fmt.Sprint("action ", i)})
	}
	page := frontPage(f, "localhost:3000").Body.String()
	wantText(t, page, "action 99<", "action 95<")
	if n := strings.Count(page, "<time"); n != 5 {
		t.Errorf("%d actions, want 5", n)
	}
}

func TestWorkspaceState(t *testing.T) {
	for _, test := range []struct {
		action meters.BuildAction
		status meters.JobStatus
		want   string
	}{
		{meters.BuildStart, meters.JobSucceeded, "running"},
		{meters.BuildStart, meters.JobPending, "building"},
		{meters.BuildStop, meters.JobCanceling, "building"},
		{meters.BuildStop, meters.JobSucceeded, "stopped"},
		{meters.BuildDestroy, meters.JobSucceeded, "stopped"},
		{meters.BuildStart, meters.JobFailed, "start failed"},
		{meters.BuildStop, meters.JobCanceled, "stop canceled"},
	} {
		w := workspace{Latest: build{Action: test.action, Status: test.status}}
		if got, _, _ := w.state(); got != test.want {
			t.Errorf("%s %s is %q, want %q", test.action, test.status, got, test.want)
		}
	}
}
