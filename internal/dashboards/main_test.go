package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestFresh: the files in the tree are those that would be written, and nothing
// else is beside them.
func TestFresh(t *testing.T) {
	if err := run("../..", true); err != nil {
		t.Error(err)
	}
}

// TestRun writes into an empty tree, and tells of what is stale or left over.
func TestRun(t *testing.T) {
	root := t.TempDir()
	rule := filepath.Join(root, rules, "some.yaml")
	write := func(path string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("groups: []\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(root, false); err == nil || !strings.Contains(err.Error(), "no rules in examples/prometheus/rules") {
		t.Errorf("without rules: %v", err)
	}
	write(rule)
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "is stale: run make dashboards") {
		t.Errorf("before it is written: %v", err)
	}
	for _, check := range []bool{false, true} {
		if err := run(root, check); err != nil {
			t.Error(err)
		}
	}
	write(filepath.Join(root, chartRules, "gone.yaml"))
	if err := run(root, true); err == nil || !strings.Contains(err.Error(), "gone.yaml is not generated: remove it") {
		t.Errorf("with a file that is left over: %v", err)
	}
}

// TestEveryFamilyIsShown: each family that Coder documents of itself, and each of
// the service's health, is read by a panel.
func TestEveryFamilyIsShown(t *testing.T) {
	var shown []instrument.Family
	for _, d := range all {
		shown = append(shown, d.families()...)
	}
	for f := range instrument.All() {
		if f.Info().Origin != instrument.Runtime && !slices.Contains(shown, f) {
			t.Errorf("no panel shows %s", f)
		}
	}
}

func TestNeedsImport(t *testing.T) {
	var got []string
	for f := range instrument.All() {
		if needsImport(f) {
			got = append(got, f.String())
		}
	}
	want := []string{
		"coderd_api_concurrent_requests", "coderd_api_concurrent_websockets", "coderd_api_request_latencies_seconds",
		"coderd_api_requests_processed_total", "coderd_api_websocket_durations_seconds",
		"coderd_oauth2_external_requests_rate_limit_next_reset_unix", "coderd_oauth2_external_requests_rate_limit_remaining",
		"coderd_oauth2_external_requests_rate_limit_reset_in_seconds", "coderd_oauth2_external_requests_rate_limit_total",
		"coderd_oauth2_external_requests_rate_limit_used", "coderd_oauth2_external_requests_total",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// runbook is the name of a runbook in a text.
var runbook = regexp.MustCompile(`\b(Coder|Otelcoder)[A-Z]\w+`)

// TestPanels: each says what it shows and what to do, and stands where nothing
// else stands; runbooks that it names are there.
func TestPanels(t *testing.T) {
	for _, d := range all {
		text, err := d.json()
		if err != nil {
			t.Fatal(err)
		}
		var read dashboardJSON
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		taken := make(map[[2]int]string)
		for _, p := range read.Panels {
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if at[0] >= fullWidth || taken[at] != "" {
						t.Errorf("%s: %s and %s overlap, or it does not fit", d.file, p.Title, taken[at])
					}
					taken[at] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			shows, bad, ok := strings.Cut(p.Description, "\n\n**When it looks bad:** ")
			bad, where, also := strings.Cut(bad, "\n\n")
			if !ok || !also || shows == "" || bad == "" || !strings.Contains(where, "import") {
				t.Errorf("%s: %s says %q", d.file, p.Title, p.Description)
			}
			for _, match := range runbook.FindAllString(p.Description, -1) {
				if _, err := os.Stat("../../docs/runbooks/" + match + ".md"); err != nil {
					t.Errorf("%s: %s: %v", d.file, p.Title, err)
				}
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s: %s asks for nothing", d.file, p.Title)
			}
		}
		if d.templates != strings.Contains(string(text), "$template") {
			t.Errorf("%s: the choice of templates is not used, or is missing", d.file)
		}
	}
}

// TestRefuses: an expression that reads a family as what it is not cannot be made.
func TestRefuses(t *testing.T) {
	for name, make := range map[string]func() expression{
		"a counter as state":             func() expression { return state(instrument.APIRequestsProcessed) },
		"a replica's gauge as state":     func() expression { return state(instrument.APIConcurrentRequests) },
		"state without merging replicas": func() expression { return gauge(instrument.AgentsUp) },
		"the rate of a gauge":            func() expression { return rate(instrument.APIWorkspaceLatestBuild) },
		"the increase of a gauge":        func() expression { return increase(instrument.AgentStatsRx) },
		"a quantile of a counter":        func() expression { return quantile(0.5, instrument.APIRequestsProcessed) },
		"a matcher of another label":     func() expression { return rate(instrument.APIRequestsProcessed, `status="500"`) },
		"a sum by another label":         func() expression { return rate(instrument.APIRequestsProcessed).sum("status") },
		"a quantile by another label":    func() expression { return quantile(0.5, instrument.APIRequestLatencies, "code") },
		"0 for labels":                   func() expression { return rate(instrument.APIRequestsProcessed).sum("code").orZero() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			make()
		}()
	}
}

func TestExpressions(t *testing.T) {
	for want, got := range map[string]expression{
		`sum by (status) (max without (instance, pod) (coderd_agents_connections{job=~"$job"}))`:                                                                       state(instrument.AgentsConnections).sum("status"),
		`quantile by (derp_region) (0.9, max without (instance, pod) (coderd_agents_connection_latencies_seconds{job=~"$job",preferred="true"}))`:                      state(instrument.AgentsConnectionLatencies, `preferred="true"`).quantile(0.9, "derp_region"),
		`histogram_quantile(0.5, sum by (le, path) (rate(coderd_api_websocket_durations_seconds_bucket{job=~"$job"}[$__rate_interval])))`:                              quantile(0.5, instrument.APIWebsocketDurations, "path"),
		`topk(3, sum by (template_name) (increase(coderd_workspace_builds_total{job=~"$job",status="failed",template_name=~"$template"}[$__range])))`:                  increase(instrument.WorkspaceBuilds, `status="failed"`).sum("template_name").top(3),
		`(sum (rate(otelcoder_refused_total{job=~"$job"}[$__rate_interval])) or vector(0)) / sum (rate(otelcoder_scrape_errors_total{job=~"$job"}[$__rate_interval]))`: rate(instrument.HealthRefused).sum().orZero().over(rate(instrument.HealthScrapeErrors).sum()),
	} {
		if got.text != want {
			t.Errorf("got\n%s\nwant\n%s", got.text, want)
		}
	}
}
