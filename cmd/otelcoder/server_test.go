package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// familyLine matches the first line of a family in a scrape.
var familyLine = regexp.MustCompile(`(?m)^# TYPE (\S+) `)

func families(scrape string) []string {
	var names []string
	for _, match := range familyLine.FindAllStringSubmatch(scrape, -1) {
		names = append(names, match[1])
	}
	return names
}

// notServed lists the documented families whose values are not in a database.
var notServed = []string{
	"coderd_api_concurrent_requests",
	"coderd_api_concurrent_websockets",
	"coderd_api_request_latencies_seconds",
	"coderd_api_requests_processed_total",
	"coderd_api_websocket_durations_seconds",
	"coderd_oauth2_external_requests_rate_limit_next_reset_unix",
	"coderd_oauth2_external_requests_rate_limit_remaining",
	"coderd_oauth2_external_requests_rate_limit_reset_in_seconds",
	"coderd_oauth2_external_requests_rate_limit_total",
	"coderd_oauth2_external_requests_rate_limit_used",
	"coderd_oauth2_external_requests_total",
}

// want62 returns the documented families except notServed.
func want62(t *testing.T) []string {
	t.Helper()
	var names []string
	for line := range strings.Lines(read(t, "../../instrument/testdata/catalogue.tsv")) {
		name, _, _ := strings.Cut(line, "\t")
		if name != "name" && !slices.Contains(notServed, name) {
			names = append(names, name)
		}
	}
	if len(names) != 62 {
		t.Fatalf("%d documented families, want 62", len(names))
	}
	return names
}

// event is the SQL that ends a workspace build and a script.
const event = `
INSERT INTO provisioner_jobs (id, started_at, completed_at) VALUES (u(102), now() - interval '20 seconds', now());
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id) VALUES
	(u(402), now(), u(31), u(21), 0, 'stop', u(102));
INSERT INTO workspace_agent_script_timings (script_id, started_at, ended_at, status) VALUES
	(u(601), now() - interval '2 seconds', now(), 'ok');`

// statistics is the SQL that inserts a report of the agent, stamped now. A collection sums up
// only new reports.
const statistics = `
INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes,
	connection_count, connection_median_latency_ms, session_count_vscode, session_count_ssh)
VALUES (now(), u(1), u(501), u(31), u(11), 10, 20, 1, 12.5, 1, 2);`

func TestServesWhatADatabaseTells(t *testing.T) {
	t.Parallel()
	db, url := deployment(t, live(t))
	s := start(t, url, "--derp-regions", "1=Frankfurt,2=Oslo")
	s.untilFollowing(t)
	db.Exec(t, event)
	scrape := s.until(t, "/", "every family", func(scrape string) bool {
		db.Exec(t, statistics)
		got := families(scrape)
		return !slices.ContainsFunc(want62(t), func(name string) bool { return !slices.Contains(got, name) })
	})

	for _, name := range families(scrape) {
		f, documented := instrument.Documented.Lookup(name)
		if !documented || instrument.Documented.Info(f).Origin != instrument.Health && !slices.Contains(want62(t), name) {
			t.Errorf("%s is served, but is not a family of the service", name)
		}
	}
	for _, line := range []string{
		`agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 1`,
		`coderd_agents_connection_latencies_seconds{agent_name="main",derp_region="Frankfurt",preferred="true",username="alice",workspace_name="dev"} 0.5`,
		`coderd_agents_connection_latencies_seconds{agent_name="main",derp_region="Oslo",preferred="false",username="alice",workspace_name="dev"} 0.125`,
		`coderd_agentstats_startup_script_seconds{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 12.5`,
		`coderd_insights_parameters{parameter_name="region",parameter_type="string",parameter_value="eu",template_name="docker"} 1`,
		`coderd_license_limit_users 10`,
		`coderd_provisionerd_job_timings_seconds_count{provisioner="terraform",status="success"} 1`,
		`coderd_workspace_builds_total{action="STOP",owner_email="alice@example.com",status="success",template_name="docker",template_version="v1",workspace_name="dev"} 1`,
		`otelcoder_scrape_errors_total 0`,
	} {
		if !has(scrape, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if t.Failed() {
		t.Log(scrape)
	}
}

// TestOneReports checks that only one of two services at a database reports the deployment. The
// other one serves the families of its process.
func TestOneReports(t *testing.T) {
	t.Parallel()
	_, url := deployment(t, live(t))
	one := start(t, url)
	one.until(t, "/metrics/deployment", "it reports", func(scrape string) bool { return has(scrape, "coderd_agents_up{") })
	other := start(t, url)
	scrape := other.until(t, "/", "it has read the database", func(scrape string) bool {
		return has(scrape, `otelcoder_source_up{source="agents"} 1`)
	})
	if !has(scrape, "otelcoder_reporter 0\n") || has(scrape, "coderd_workspace_builds_total") || has(scrape, "coderd_agents_up") {
		t.Errorf("the second service serves:\n%s", scrape)
	}
	if scrape := get(t, other.metrics+"/metrics/deployment"); scrape != "" {
		t.Errorf("the second service serves families of the deployment:\n%s", scrape)
	}
}

// TestAbsentDatabase checks that the service starts without a database, serves its endpoints,
// is healthy, and recovers automatically.
func TestAbsentDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	db := server.Database(t)
	db.Exec(t, live(t))
	url := db.Role(t, grants)
	server.Stop(t)

	// The interval is also the time limit of a collection. It is long, so that a collection
	// does not time out on a busy machine, which is another failure.
	s := start(t, url, "--interval", "10s", "--insights-interval", "10s")
	s.until(t, "/metrics", "a source fails", func(scrape string) bool {
		return has(scrape, `otelcoder_source_up{source="agents"} 0`) && has(scrape, "otelcoder_reporter 0") && has(scrape, "go_goroutines ")
	})
	for _, path := range []string{"/healthz", "/readyz"} {
		if body := get(t, s.health+path); body != "ok\n" {
			t.Errorf("%s: %q", path, body)
		}
	}
	server.Restart(t)
	s.until(t, "/metrics", "it recovers", func(scrape string) bool {
		return has(scrape, `otelcoder_source_up{source="agents"} 1`) && has(scrape, "coderd_agents_up{")
	})
	if log := s.log.String(); !strings.Contains(log, `msg="the database is unreachable" error=`) || strings.Count(log, `msg="the database is reachable again"`) != 1 || strings.Contains(log, "source") {
		t.Error("the log does not report the outage once for all sources")
	}
}

// TestScrapesDoNotWaitForADatabase checks scrapes while the database accepts connections and
// sends nothing, so that collections wait for it for half a minute.
func TestScrapesDoNotWaitForADatabase(t *testing.T) {
	t.Parallel()
	s := start(t, "postgres://otelcoder@"+taken(t)+"/coder?sslmode=disable", "--interval", "30s", "--insights-interval", "30s")
	impatient := &http.Client{Timeout: 10 * time.Second, Transport: new(http.Transport)}
	defer impatient.CloseIdleConnections()
	for _, path := range []string{"/", "/metrics", "/metrics/deployment", "/metrics/replica"} {
		response, err := impatient.Get(s.metrics + path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, %v", path, response.StatusCode, err)
		}
		if path != "/metrics/deployment" && !has(string(body), `otelcoder_source_up{source="agents"} 0`+"\n") {
			t.Errorf("%s does not report that the source is down:\n%s", path, body)
		}
	}
	if log := s.log.String(); strings.Contains(log, "source fails") {
		t.Errorf("collections have timed out, so the scrapes were too late for this test:\n%s", log)
	}
}

// TestSwitches checks that each switch turns its families off.
func TestSwitches(t *testing.T) {
	t.Parallel()
	db, url := deployment(t, live(t))
	s := start(t, url, "--prometheus-collect-agent-stats=false", "--without-parameters")
	s.untilFollowing(t)
	db.Exec(t, event)
	scrape := s.until(t, "/", "the events", func(scrape string) bool { return has(scrape, "coderd_workspace_builds_total{") })
	for _, name := range families(scrape) {
		if strings.HasPrefix(name, "coderd_agentstats_") || name == "agent_scripts_executed_total" || name == "coderd_insights_parameters" {
			t.Errorf("%s is served", name)
		}
	}
}

func TestAggregation(t *testing.T) {
	t.Parallel()
	db, url := deployment(t, live(t))
	command, s := startServer(t, "CODER_PG_CONNECTION_URL="+url, "CODER_PROMETHEUS_AGGREGATE_AGENT_STATS_BY=template_name,username")
	scrape := s.until(t, "/", "the statistics", func(scrape string) bool {
		db.Exec(t, statistics)
		return has(scrape, "coderd_agentstats_rx_bytes{")
	})
	for _, line := range []string{
		`coderd_agentstats_connection_count{username="alice"} 1`,
		`coderd_agentstats_startup_script_seconds{success="true",template_name="docker",username="alice"} 12.5`,
	} {
		if !has(scrape, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestJSONLog(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var log lines
	log.each = func(line string) {
		if strings.Contains(line, `"level":"INFO","msg":"ready"`) {
			cancel()
		}
	}
	err := run(ctx, []string{"otelcoder", "server", "--postgres-url", "postgres://127.0.0.1:1/coder", "--prometheus-enable",
		"--prometheus-address", "127.0.0.1:0", "--health-address", "127.0.0.1:0", "--log-format", "json"}, &bytes.Buffer{}, &log)
	if err != nil || ctx.Err() != context.Canceled {
		t.Errorf("error %v, context %v", err, ctx.Err())
	}
}

// lines is a writer that calls a function for each line.
type lines struct{ each func(string) }

func (l *lines) Write(line []byte) (int, error) {
	l.each(string(line))
	return len(line), nil
}

func TestRefusedToStart(t *testing.T) {
	busy := taken(t)
	const absent = "postgres://otelcoder:hunter2@127.0.0.1:1/coder"
	good := map[string]string{"CODER_PG_CONNECTION_URL": absent, "CODER_PROMETHEUS_ENABLE": "true"}
	for name, test := range map[string]struct {
		args []string
		env  map[string]string // in addition to good
		want string
	}{
		"nothing enabled": {
			env:  map[string]string{"CODER_PROMETHEUS_ENABLE": ""},
			want: "nothing to do: enable the endpoint with --prometheus-enable or CODER_PROMETHEUS_ENABLE=true, or set a collector with --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT",
		},
		"nothing enabled by flag": {
			args: []string{"--prometheus-enable=false"},
			want: "nothing to do: enable the endpoint with --prometheus-enable or CODER_PROMETHEUS_ENABLE=true, or set a collector with --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT",
		},
		"no URL": {
			env:  map[string]string{"CODER_PG_CONNECTION_URL": ""},
			want: "no URL of the database: set CODER_PG_CONNECTION_URL, --postgres-url or --postgres-url-file",
		},
		"URL given twice": {
			env:  map[string]string{"OTELCODER_POSTGRES_URL_FILE": "/nowhere/url"},
			want: "the URL of the database is given twice: use --postgres-url (CODER_PG_CONNECTION_URL) or --postgres-url-file (OTELCODER_POSTGRES_URL_FILE)",
		},
		"no file of the URL": {
			args: []string{"--postgres-url-file", "/nowhere/url"},
			env:  map[string]string{"CODER_PG_CONNECTION_URL": ""},
			want: "cannot read the URL of the database (--postgres-url-file): open /nowhere/url: no such file or directory",
		},
		"empty file of the URL": {
			args: []string{"--postgres-url-file", "/dev/null"},
			env:  map[string]string{"CODER_PG_CONNECTION_URL": ""},
			want: "cannot read the URL of the database (--postgres-url-file): /dev/null is empty",
		},
		"bad URL": {
			env:  map[string]string{"CODER_PG_CONNECTION_URL": "postgres://otelcoder:hunter2%zz@localhost/coder"},
			want: "the URL of the database cannot be parsed: use postgres://user:password@host:port/database?sslmode=..., with special characters of the password percent-encoded",
		},
		"bad URL by flag": {
			args: []string{"--postgres-url", "mysql://hunter2"},
			want: "the URL of the database cannot be parsed: use postgres://user:password@host:port/database?sslmode=..., with special characters of the password percent-encoded",
		},
		"URL without its flag": {args: []string{absent}, want: "otelcoder server takes flags only; see otelcoder server --help"},
		"unknown flag":         {args: []string{"--bogus=postgres://u:hunter2@h/d"}, want: "unknown flag; see otelcoder server --help"},
		"mistyped flag":        {args: []string{"--intervall=5m"}, want: "unknown flag; did you mean --interval? See otelcoder server --help"},
		"URL as a flag":        {args: []string{"--" + absent}, want: "unknown flag; see otelcoder server --help"},
		"URL as a value":       {args: []string{"--interval", absent}, want: "invalid value for --interval: give a time, such as 30s or 5m"},
		"URL as a region":      {args: []string{"--derp-regions", absent}, want: "invalid value for --derp-regions"},
		"URL as an address":    {args: []string{"--health-address", "postgres:hunter2@h/d"}, want: "invalid value for --health-address: give an address of this host as <host>:<port>"},
		"URL in a variable": {
			env:  map[string]string{"OTELCODER_INTERVAL": absent},
			want: "invalid value for OTELCODER_INTERVAL (--interval): give a time, such as 30s or 5m",
		},
		"no value":       {args: []string{"--interval"}, want: "flag needs an argument: --interval"},
		"short interval": {args: []string{"--interval", "10ms"}, want: `invalid value "10ms" for --interval: give a time of at least 1s, such as 30s or 5m`},
		"long interval":  {args: []string{"--interval", "25h"}, want: `invalid value "25h" for --interval: give a time of at most 24h, such as 30s or 5m`},
		"interval variable": {
			env:  map[string]string{"OTELCODER_INSIGHTS_INTERVAL": "-5m"},
			want: `invalid value "-5m" for OTELCODER_INSIGHTS_INTERVAL (--insights-interval): give a time of at least 1s, such as 30s or 5m`,
		},
		"limit":          {args: []string{"--workspace-prebuilds-failure-hard-limit", "-1"}, want: `invalid value "-1" for --workspace-prebuilds-failure-hard-limit: give a number from 0 to 1000000`},
		"no number":      {args: []string{"--workspace-prebuilds-failure-hard-limit", "1.5"}, want: `invalid value "1.5" for --workspace-prebuilds-failure-hard-limit: give a whole number, such as 3`},
		"URL as a limit": {args: []string{"--workspace-prebuilds-failure-hard-limit", absent}, want: "invalid value for --workspace-prebuilds-failure-hard-limit: give a whole number, such as 3"},
		"number variable": {
			env:  map[string]string{"CODER_WORKSPACE_PREBUILDS_FAILURE_HARD_LIMIT": "99999999999999999999"},
			want: `invalid value "99999999999999999999" for CODER_WORKSPACE_PREBUILDS_FAILURE_HARD_LIMIT (--workspace-prebuilds-failure-hard-limit): give a whole number, such as 3`,
		},
		"inactivity":  {args: []string{"--agent-inactivity-timeout=0s"}, want: `invalid value "0s" for --agent-inactivity-timeout: give a time of at least 1s, such as 30s or 5m`},
		"aggregation": {args: []string{"--prometheus-aggregate-agent-stats-by", "username,age"}, want: `invalid value "username,age" for --prometheus-aggregate-agent-stats-by: cannot aggregate by "age": use one or more of agent_name template_name username workspace_name`},
		"regions":     {args: []string{"--derp-regions", "1=Oslo,Bergen"}, want: `invalid value "1=Oslo,Bergen" for --derp-regions: "Bergen" is not a region: give <id>=<name>, several with commas between them`},
		"one region":  {args: []string{"--derp-regions", "1=Oslo,1=Bergen"}, want: `invalid value "1=Oslo,1=Bergen" for --derp-regions: region 1 is given twice`},
		"log format":  {args: []string{"--log-format=xml"}, want: `invalid value "xml" for --log-format: give text or json`},
		"log level":   {args: []string{"--log-level=loud"}, want: `invalid value "loud" for --log-level: give debug, info, warn or error`},
		"address":     {args: []string{"--prometheus-address=2112"}, want: `invalid value "2112" for --prometheus-address: give an address of this host as <host>:<port>`},
		"health":      {args: []string{"--health-address=2113"}, want: `invalid value "2113" for --health-address: give an address of this host as <host>:<port>`},
		"collector":   {args: []string{"--otlp-endpoint=localhost:4318"}, want: `push metrics: the OTLP endpoint is not the URL of a receiver: give one such as http://localhost:4318`},
		"taken": {
			args: []string{"--prometheus-address", busy, "--health-address", "127.0.0.1:0"},
			want: "cannot serve metrics on " + busy + ": another process listens there; choose another address (--prometheus-address)",
		},
		"taken for health": {
			args: []string{"--prometheus-address", "127.0.0.1:0", "--health-address", busy},
			want: "cannot serve health on " + busy + ": another process listens there; choose another address (--health-address)",
		},
		"flag beats variable": {
			args: []string{"--prometheus-address", busy},
			env:  map[string]string{"CODER_PROMETHEUS_ADDRESS": "127.0.0.1:0", "OTELCODER_HEALTH_ADDRESS": "127.0.0.1:0"},
			want: "cannot serve metrics on " + busy + ": another process listens there; choose another address (--prometheus-address)",
		},
		"not of this host": {
			args: []string{"--prometheus-address", "127.0.0.1:0", "--health-address", "192.0.2.1:80"},
			want: `cannot serve health on "192.0.2.1:80": give an address of this host as <host>:<port> (--health-address): listen tcp 192.0.2.1:80: bind: cannot assign requested address`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variables := range []map[string]string{good, test.env} {
				for variable, value := range variables {
					t.Setenv(variable, value)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout bytes.Buffer
			log := new(logged.Log)
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, append([]string{"otelcoder", "server"}, test.args...), &stdout, log) }()
			select {
			case err := <-ended:
				if err == nil || err.Error() != test.want {
					t.Errorf("got  %v\nwant %s", err, test.want)
				}
			case <-log.Find(readyLine):
				cancel()
				t.Errorf("started, and ended with %v", <-ended)
			}
			if stdout.String()+log.String() != "" {
				t.Errorf("output besides the error:\n%s%s", stdout.String(), log)
			}
		})
	}
}

// TestHealthAnswersNothingElse checks that the health address has no other paths.
func TestHealthAnswersNothingElse(t *testing.T) {
	t.Parallel()
	s := start(t, "postgres://127.0.0.1:1/coder")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/": 404, "/metrics": 404} {
		response, err := http.Get(s.health + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, response.StatusCode, want)
		}
	}
}

// TestEndsAtOnce checks that Ctrl-C before the start is not an error.
func TestEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := run(ctx, []string{"otelcoder", "server", "--prometheus-enable", "--prometheus-address", "127.0.0.1:0",
		"--health-address", "127.0.0.1:0", "--postgres-url", "postgres://127.0.0.1:1/coder"}, &bytes.Buffer{}, &bytes.Buffer{})
	if err != nil {
		t.Error(err)
	}
}

// TestPrebuilds checks that check accepts a deployment with prebuilt workspaces, and that the
// service applies the limit of the flag.
func TestPrebuilds(t *testing.T) {
	d := pgtest.New(t)
	d.Exec(t, schema(t)+read(t, "../../meters/coderdb/testdata/prebuilds.sql"))
	// {"alg":"EdDSA"} and {"license_expires":99999999999,"feature_set":"premium"}
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ('eyJhbGciOiJFZERTQSJ9.eyJsaWNlbnNlX2V4cGlyZXMiOjk5OTk5OTk5OTk5LCJmZWF0dXJlX3NldCI6InByZW1pdW0ifQ.c2ln')")
	url := d.Role(t, func(role string) string { return coderschema.Grants(instrument.Coder, role) })
	runCheck(t, url, "--metric-names", "coder").wants(t, false, nil, "✓ Coder version       has every optional table and column")
	s := start(t, url, "--metric-names", "coder", "--workspace-prebuilds-failure-hard-limit", "1")
	for _, line := range []string{
		`coderd_prebuilt_workspaces_preset_hard_limited{organization_name="coder",preset_name="small",template_name="docker"} 1`, // not with the default limit
		`coderd_prebuilt_workspaces_claimed_total{organization_name="coder",preset_name="small",template_name="docker"} 2`,
		`coderd_workspace_creation_total{organization_name="coder",preset_name="never",template_name="docker"} 1`,
	} {
		s.until(t, "/metrics", line, func(scrape string) bool { return has(scrape, line+"\n") })
	}
}
