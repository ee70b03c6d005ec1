package e2e_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/e2e/prometheus"
	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/meters"
)

// hostile maps names that users may give to workspaces, templates, parameters or
// themselves to the label values that are served for them.
var hostile = map[string]string{
	"plain":                "plain",
	"":                     "",
	" spaced\t":            " spaced\t",
	`"quoted"`:             `"quoted"`,
	`back\slash`:           `back\slash`,
	`ends in a backslash\`: `ends in a backslash\`,
	`not a newline: \n`:    `not a newline: \n`,
	"new\nline":            "new\nline",
	"carriage\r\nreturn":   "carriage\r\nreturn",
	"\"} 1\n# TYPE forged counter\nforged 1\n# {": "\"} 1\n# TYPE forged counter\nforged 1\n# {",
	"\n# EOF\n":                     "\n# EOF\n",
	"nul\x00byte":                   "nul\uFFFDbyte",
	"\x00":                          "\uFFFD",
	"escape \x1b[31m":               "escape \x1b[31m",
	"emoji 🦀":                       "emoji 🦀",
	"right to left \u202e":          "right to left \u202e",
	"line separator \u2028":         "line separator \u2028",
	"byte order \ufeff mark":        "byte order \ufeff mark",
	"not a character \uffff":        "not a character \uffff",
	"invalid \xff UTF-8":            "invalid \uFFFD UTF-8",
	"truncated \xf0\x9f\xa6":        "truncated \uFFFD",
	"surrogate \xed\xa0\x80":        "surrogate \uFFFD",
	"overlong \xc0\xaf":             "overlong \uFFFD",
	`{le="+Inf"}`:                   `{le="+Inf"}`,
	"%s%d%!n":                       "%s%d%!n",
	strings.Repeat("long ", 20_000): strings.Repeat("long ", 204) + "l…",
}

// hostileSource is a deployment that uses the hostile names.
type hostileSource struct{}

func (hostileSource) Agents(context.Context) ([]meters.Workspace, error) {
	var workspaces []meters.Workspace
	for text := range hostile {
		workspaces = append(workspaces, meters.Workspace{Name: text, Username: "u", Template: "t", Agents: []meters.Agent{{
			Name: "main", Status: meters.AgentConnected, Lifecycle: meters.LifecycleReady,
			Apps: []meters.AgentApp{{DisplayName: text, Health: meters.AppHealthy}},
		}}})
	}
	return workspaces, nil
}

func (hostileSource) Insights(context.Context) (meters.Insights, error) {
	var i meters.Insights
	for text := range hostile {
		i.Parameters = append(i.Parameters, meters.ParameterUsage{Template: "t", Name: "n", Type: "string", Value: text, Builds: 1})
	}
	return i, nil
}

// TestHostileText checks that Prometheus ingests every series over every protocol with any
// names of users and agents. Names are unchanged, except that U+FFFD replaces invalid text.
func TestHostileText(t *testing.T) {
	exporter, err := exporters.New()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(exporter.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(func() { exporter.Shutdown(context.WithoutCancel(t.Context())) })
	observeHostile(t, exporter)
	families := map[string]string{ // to the label that holds the text
		"coderd_agents_up":              "workspace_name",
		"coderd_agents_apps":            "app_name",
		"coderd_insights_parameters":    "parameter_value",
		"coderd_workspace_builds_total": "owner_email",
		"agent_scripts_executed_total":  "agent_name",
	}
	scrapeUntil(t, server.URL, 30*time.Second, func(s *invariant.Scrape) error {
		for name := range families {
			if s.Family(name) == nil {
				return fmt.Errorf("%s has no sample", name)
			}
		}
		return nil
	})

	p := prometheus.Start(t, prometheus.Jobs(server.URL)...)
	p.WaitScraped(t, 1)
	for _, protocol := range prometheus.Protocols {
		for name, label := range families {
			got := make(map[string]bool)
			for _, s := range p.Query(t, fmt.Sprintf(`%s{job=%q, status!="failed"}`, name, protocol)) {
				text := s.Metric.Get(label)
				if got[text] {
					t.Errorf("%s: %s{%s=%.100q} exists twice", protocol, name, label, text)
				}
				got[text] = true
			}
			for sent, served := range hostile {
				if !got[served] {
					t.Errorf("%s: no series %s{%s=%.100q}, recorded as %.100q", protocol, name, label, served, sent)
				}
			}
			if len(got) != len(hostile) {
				t.Errorf("%s: got %d series of %s, want %d", protocol, len(got), name, len(hostile))
			}
		}
	}
	if got := p.Query(t, `forged`); len(got) != 0 {
		t.Errorf("a name became a series: %v", got)
	}
	p.CheckHealthy(t)
}

// observeHostile records state and events with hostile names, until the test ends.
func observeHostile(t *testing.T, exporter *exporters.Exporter) {
	t.Helper()
	m, err := meters.New(exporter.Providers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Shutdown(context.WithoutCancel(t.Context())) })
	m.Poll(meters.Sources{Agents: hostileSource{}, Insights: hostileSource{}})
	for text := range hostile {
		m.Builds().Start(meters.Build{
			Action: meters.BuildStart, OwnerEmail: text, TemplateName: "t", TemplateVersion: "v", WorkspaceName: "w",
		}).End(meters.Succeeded)
		m.Forwarded().Agent(meters.ForwardingAgent{
			Username: "u", WorkspaceName: "w", AgentName: text, TemplateName: "t",
		}).Report([]meters.ForwardedMetric{{
			Name: "agent_scripts_executed_total", Type: meters.ForwardedCounter, Value: 1,
			Labels: []meters.ForwardedLabel{{Name: "success", Value: "true"}},
		}})
	}
}
