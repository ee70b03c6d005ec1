package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// dropped returns the names that a relabelling configuration drops.
func dropped(t *testing.T, list string) []string {
	t.Helper()
	match := regexp.MustCompile(`(?s)regex: "(.*)"\n$`).FindStringSubmatch(list)
	if match == nil {
		t.Fatalf("no list of names in\n%s", list)
	}
	return strings.Split(regexp.MustCompile(`\\\n *|\(_bucket\|_count\|_sum\)\?`).ReplaceAllString(match[1], ""), "|")
}

// renamed maps documented names of families to the different names under which a Coder server
// of 2026 serves them.
var renamed = map[string]string{
	"coderd_api_workspace_latest_build_total":           "coderd_api_workspace_latest_build",
	"coderd_metrics_collector_agents_execution_seconds": "coderd_prometheusmetrics_agents_execution_seconds",
}

// TestDropNames checks that each family is dropped under its names in all versions of Coder,
// and that the families that the edition of the service lacks are kept.
func TestDropNames(t *testing.T) {
	for e := range instrument.Editions() {
		names := dropped(t, ofPrometheus.drop(ofBoth(e)))
		for documented, now := range renamed {
			if !slices.Contains(names, documented) || !slices.Contains(names, now) {
				t.Errorf("%s: %s or %s is kept", e, documented, now)
			}
		}
		if drops := slices.Contains(names, "coderd_api_total_user_count"); drops != (e == instrument.Coder) {
			t.Errorf("%s: coderd_api_total_user_count is dropped: %t", e, drops)
		}
		if want := map[instrument.Edition]int{instrument.Documented: 28, instrument.Coder: 49}[e]; len(names) != want {
			t.Errorf("%s: drops %d names, want %d: %q", e, len(names), want, names)
		}
	}
}

// TestDropFromCoder checks that each family that both can serve is dropped from exactly
// one of the two, for deployments with and without optional data.
func TestDropFromCoder(t *testing.T) {
	agentStats := []string{
		"agent_scripts_executed_total", "coderd_agentstats_connection_count", "coderd_agentstats_connection_median_latency_seconds",
		"coderd_agentstats_rx_bytes", "coderd_agentstats_session_count_jetbrains", "coderd_agentstats_session_count_reconnecting_pty",
		"coderd_agentstats_session_count_ssh", "coderd_agentstats_session_count_vscode", "coderd_agentstats_startup_script_seconds",
		"coderd_agentstats_tx_bytes",
	}
	const latencies, connections = "coderd_agents_connection_latencies_seconds", "coderd_agents_connections"
	for name, test := range map[string]struct {
		sql  string
		args []string
		kept []string // by Coder's own endpoint
		own  []string // dropped from the service's jobs
		says string
	}{
		"high availability":            {},
		"no high availability":         {sql: "DELETE FROM tailnet_peers", kept: []string{latencies, connections}, own: []string{connections}, says: "no high-availability licence"},
		"no agent is connected":        {sql: "UPDATE workspace_agents SET last_connected_at = now() - interval '1 hour'; DELETE FROM tailnet_peers", kept: []string{latencies, connections}, own: []string{latencies, connections}, says: "unknown"},
		"no table of the tailnet":      {sql: "DROP TABLE tailnet_peers", kept: []string{latencies, connections}, own: []string{connections}, says: latencies + ": missing"},
		"without agent statistics":     {args: []string{"--prometheus-collect-agent-stats=false"}, kept: agentStats, says: "agent_scripts_executed_total: off"},
		"without insights' parameters": {args: []string{"--without-parameters"}, kept: []string{"coderd_insights_parameters"}, says: "coderd_insights_parameters: off"},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := deployment(t, live(t)+";"+test.sql)
			said := output(t, append([]string{"metrics", "--drop-from-coder", "--postgres-url", url}, test.args...)...)
			fromCoder, fromOwn, _ := strings.Cut(said, "---\n")
			var want []string
			for _, r := range table(instrument.Documented) {
				if r.service() == "yes" && !slices.Contains(test.kept, r.name) {
					want = append(want, r.name)
					if name := renamed[r.name]; name != "" {
						want = append(want, name)
					}
				}
			}
			if got := dropped(t, fromCoder); !slices.Equal(got, want) {
				t.Errorf("from Coder's job it drops\n%q\nwant\n%q", got, want)
			}
			var own []string
			if fromOwn != "" {
				own = dropped(t, fromOwn)
			}
			if !slices.Equal(own, test.own) {
				t.Errorf("from the service's jobs it drops %q, want %q", own, test.own)
			}
			if !strings.Contains(said, test.says) {
				t.Errorf("the output lacks %q:\n%s", test.says, said)
			}
		})
	}
}

// TestDropForOperator checks that both configurations have the keys of a ServiceMonitor's
// endpoint, and drop the same names as the configurations for Prometheus itself.
func TestDropForOperator(t *testing.T) {
	_, url := deployment(t, live(t)+"; DELETE FROM tailnet_peers")
	documents := strings.Split(output(t, "metrics", "--drop-from-coder", "--operator", "--postgres-url", url), "---\n")
	plain := strings.Split(output(t, "metrics", "--drop-from-coder", "--postgres-url", url), "---\n")
	if len(documents) != 2 || len(plain) != 2 {
		t.Fatalf("got %d configurations for the operator and %d for Prometheus, want 2 of each", len(documents), len(plain))
	}
	for i, document := range documents {
		var endpoint struct {
			MetricRelabelings []struct {
				SourceLabels  []string `yaml:"sourceLabels"`
				Action, Regex string
			} `yaml:"metricRelabelings"`
		}
		if err := yaml.UnmarshalStrict([]byte(document), &endpoint); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		rules := endpoint.MetricRelabelings
		if len(rules) != 1 || rules[0].Action != "drop" || !slices.Equal(rules[0].SourceLabels, []string{"__name__"}) {
			t.Errorf("got the rules %+v, want one that drops by name", rules)
		}
		if got, want := dropped(t, document), dropped(t, plain[i]); !slices.Equal(got, want) {
			t.Errorf("it drops\n%q\nwant\n%q", got, want)
		}
	}
}

// TestDropFromUnknown checks that no list is printed if the families of the service
// cannot be determined.
func TestDropFromUnknown(t *testing.T) {
	empty := pgtest.New(t)
	_, good := deployment(t, live(t))
	db, refused := deployment(t, live(t))
	db.Exec(t, "REVOKE SELECT (jwt) ON licenses FROM "+roleOf(t, refused))
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no Coder":    {[]string{"--postgres-url", empty.URL}, "this is not the database of a Coder deployment"},
		"no grant":    {[]string{"--postgres-url", refused}, "the source license fails, so its metrics are unknown: see otelcoder check"},
		"unreachable": {[]string{"--postgres-url", "postgres://otelcoder:x@127.0.0.1:1/coder"}, "127.0.0.1"},
		"no URL":      {nil, errNoURL.Error()},
		"a name":      {[]string{"--postgres-url", good, "coderd_agents_up"}, "--drop-from-coder takes no name"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"otelcoder", "metrics", "--drop-from-coder"}, test.args...), &out, &out)
			if err == nil || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
				t.Errorf("error %v, want one with %q; it prints %q, want nothing", err, test.want, &out)
			}
		})
	}
}
