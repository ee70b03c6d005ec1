package meters

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/option/optiontest"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestOptions tests each option with valid and invalid values.
func TestOptions(t *testing.T) {
	const (
		interval = "must be from 1ms to 24h0m0s"
		paths    = "must be from 0 to 100000"
		length   = "must be from 3 to 65536"
		series   = "must be from 2 to 10000000"
		labels   = "use one or more of agent_name template_name username workspace_name"
	)
	all := slices.Collect(instrument.Documented.All())
	optiontest.Run(t, []optiontest.Row[Option]{
		{Name: "nil", Option: nil},
		{Name: "WithLogger", Option: WithLogger(nil), Want: "nil"},
		{Name: "WithLogger", Option: WithLogger(slog.New(slog.DiscardHandler))},

		{Name: "WithInterval", Option: WithInterval(-time.Second), Want: interval},
		{Name: "WithInterval", Option: WithInterval(0), Want: interval},
		{Name: "WithInterval", Option: WithInterval(time.Millisecond - 1), Want: interval},
		{Name: "WithInterval", Option: WithInterval(time.Millisecond)},
		{Name: "WithInterval", Option: WithInterval(24 * time.Hour)},
		{Name: "WithInterval", Option: WithInterval(24*time.Hour + 1), Want: interval},
		{Name: "WithInterval", Option: WithInterval(math.MaxInt64), Want: interval},

		{Name: "WithInsightsInterval", Option: WithInsightsInterval(-time.Second), Want: interval},
		{Name: "WithInsightsInterval", Option: WithInsightsInterval(0), Want: interval},
		{Name: "WithInsightsInterval", Option: WithInsightsInterval(time.Millisecond)},
		{Name: "WithInsightsInterval", Option: WithInsightsInterval(24 * time.Hour)},
		{Name: "WithInsightsInterval", Option: WithInsightsInterval(math.MaxInt64), Want: interval},

		{Name: "WithReachable", Option: WithReachable(nil), Want: "nil"},
		{Name: "WithReachable", Option: WithReachable(func() bool { return false })},

		{Name: "WithCollected", Option: WithCollected(nil), Want: "nil"},
		{Name: "WithCollected", Option: WithCollected(func(string, map[instrument.Family]int, time.Duration, error) {})},

		{Name: "WithMaxPaths", Option: WithMaxPaths(math.MinInt), Want: paths},
		{Name: "WithMaxPaths", Option: WithMaxPaths(-1), Want: paths},
		{Name: "WithMaxPaths", Option: WithMaxPaths(0)},
		{Name: "WithMaxPaths", Option: WithMaxPaths(1)},
		{Name: "WithMaxPaths", Option: WithMaxPaths(100_000)},
		{Name: "WithMaxPaths", Option: WithMaxPaths(100_001), Want: paths},
		{Name: "WithMaxPaths", Option: WithMaxPaths(math.MaxInt), Want: paths},

		{Name: "WithMaxLabelLength", Option: WithMaxLabelLength(math.MinInt), Want: length},
		{Name: "WithMaxLabelLength", Option: WithMaxLabelLength(-1), Want: length},
		{Name: "WithMaxLabelLength", Option: WithMaxLabelLength(0), Want: length},
		{Name: "WithMaxLabelLength", Option: WithMaxLabelLength(2), Want: length},
		{Name: "WithMaxLabelLength", Option: WithMaxLabelLength(3)},
		{Name: "WithMaxLabelLength", Option: WithMaxLabelLength(65_536)},
		{Name: "WithMaxLabelLength", Option: WithMaxLabelLength(math.MaxInt), Want: length},

		{Name: "WithMaxSeries", Option: WithMaxSeries(math.MinInt, all...), Want: series},
		{Name: "WithMaxSeries", Option: WithMaxSeries(-1, all...), Want: series},
		{Name: "WithMaxSeries", Option: WithMaxSeries(0, all...), Want: series},
		{Name: "WithMaxSeries", Option: WithMaxSeries(1, all...), Want: series},
		{Name: "WithMaxSeries", Option: WithMaxSeries(2, all...)},
		{Name: "WithMaxSeries", Option: WithMaxSeries(3, all...)},
		{Name: "WithMaxSeries", Option: WithMaxSeries(10_000_000, all...)},
		{Name: "WithMaxSeries", Option: WithMaxSeries(math.MaxInt, all...), Want: series},
		{Name: "WithMaxSeries", Option: WithMaxSeries(10), Want: "no families"},
		{Name: "WithMaxSeries", Option: WithMaxSeries(10, math.MaxUint8), Want: "family 255, which is not in the catalogue"},

		{Name: "WithAggregateBy", Option: WithAggregateBy(), Want: labels},
		{Name: "WithAggregateBy", Option: WithAggregateBy(""), Want: labels},
		{Name: "WithAggregateBy", Option: WithAggregateBy("age"), Want: labels},
		{Name: "WithAggregateBy", Option: WithAggregateBy(LabelUsername, LabelUsername)},
		{Name: "WithAggregateBy", Option: WithAggregateBy(LabelUsername)},
		{Name: "WithAggregateBy", Option: WithAggregateBy(allAgentLabels()...)},
	}, constructors())
}

// TestOptionErrorsAreJoined checks that the error of New lists all invalid options.
func TestOptionErrorsAreJoined(t *testing.T) {
	_, err := New(meterstest.NewReader(t).Providers(), WithMaxPaths(-1), WithLogger(nil), WithMaxPaths(5))
	const want = "create the meters: WithMaxPaths is -1: it must be from 0 to 100000\nWithLogger is nil: leave the option out for its default"
	if err == nil || err.Error() != want {
		t.Errorf("got error %q, want %q", err, want)
	}
}

// TestSmallestSeriesLimits checks that no family exceeds the smallest limit.
func TestSmallestSeriesLimits(t *testing.T) {
	limit := WithMaxSeries(2, slices.Collect(instrument.Documented.All())...)
	for family, record := range map[instrument.Family]func(*Meters) error{
		instrument.WorkspaceBuilds:          recordBuilds,
		instrument.AgentScriptsExecuted:     recordScripts,
		instrument.OAuth2Requests:           recordOAuth2,
		instrument.OAuth2RateLimitTotal:     recordOAuth2,
		instrument.OAuth2RateLimitRemaining: recordOAuth2,
	} {
		t.Run(family.String(), func(t *testing.T) {
			m, meters := newMeters(t, limit)
			if err := record(meters); err != nil {
				t.Fatal(err)
			}
			if n := len(m.Families(t)[family.String()].GetMetric()); n != 2 {
				t.Errorf("got %d series, want 2:\n%s", n, m.Text(t, family))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, manyRows(), limit)
		for family, found := range m.Families(t) {
			if n := len(found.GetMetric()); n > 2 && !strings.HasPrefix(family, "otelcoder_") {
				t.Errorf("%s: got %d series, want at most 2", family, n)
			}
		}
		wantValue(t, m, `otelcoder_source_series{source="agent_stats"}`, 16) // two per family
	})
}

// constructors returns functions that call New and then record more events, or poll more
// rows, than the smallest limits allow.
func constructors() map[string]func(*testing.T, Option) error {
	constructors := make(map[string]func(*testing.T, Option) error)
	for name, use := range map[string]func(*Meters) error{
		"New": func(*Meters) error { return nil },
		"Poll": func(m *Meters) error {
			m.Poll(manyRows())
			return nil
		},
		"API": recordAPI, "Builds": recordBuilds, "Forwarded": recordForwarded, "Jobs": recordJobs,
		"JobTimings": recordJobTimings, "OAuth2": recordOAuth2, "Scripts": recordScripts,
	} {
		constructors[name] = func(t *testing.T, option Option) error {
			meter := meterstest.NewReader(t)
			m, err := New(meter.Providers(), option)
			if err != nil {
				return err
			}
			if err := use(m); err != nil {
				return err
			}
			meter.Text(t)
			return m.Shutdown(context.Background())
		}
	}
	return constructors
}

// several is a number of events beyond the smallest limits.
const several = 5

func recordAPI(m *Meters) error {
	api := m.API()
	for i := range several {
		api.Start(i%2 == 0).End(context.Background(), api.Path(fmt.Sprint("/", i)), http.MethodGet, 200)
	}
	return nil
}

func recordBuilds(m *Meters) error {
	builds := m.Builds()
	for i := range several {
		builds.Start(Build{Action: BuildStart, WorkspaceName: fmt.Sprint("workspace ", i)}).End(Succeeded)
	}
	return nil
}

func recordForwarded(m *Meters) error {
	forwarded := m.Forwarded()
	for i := range several {
		forwarded.Agent(ForwardingAgent{WorkspaceName: fmt.Sprint("workspace ", i)}).Report([]ForwardedMetric{
			{"agent_scripts_executed_total", ForwardedCounter, 1, []ForwardedLabel{{"success", "true"}}},
			{"coderd_agentstats_startup_script_seconds", ForwardedGauge, 1, []ForwardedLabel{{"success", "false"}}},
		})
	}
	return nil
}

func recordJobs(m *Meters) error {
	jobs := m.Jobs()
	jobs.Start(Terraform).End(Succeeded)
	return nil
}

func recordJobTimings(m *Meters) error {
	timings := m.JobTimings()
	timings.Record(Terraform, Succeeded, 1)
	return nil
}

func recordOAuth2(m *Meters) error {
	oauth2 := m.OAuth2()
	for i := range several * several {
		transport := oauth2.Transport(fmt.Sprint("provider ", i%several), OAuth2Exchange, respond(http.StatusUnauthorized, http.Header{
			"X-Ratelimit-Resource":  {fmt.Sprint("resource ", i/several)},
			"X-Ratelimit-Limit":     {"60"},
			"X-Ratelimit-Remaining": {"59"},
			"X-Ratelimit-Used":      {"1"},
			"X-Ratelimit-Reset":     {"1767225600"},
		}))
		request, err := http.NewRequest(http.MethodGet, "http://provider.example.com/user", nil)
		if err != nil {
			return err
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		response.Body.Close()
	}
	return nil
}

func recordScripts(m *Meters) error {
	scripts := m.Scripts()
	for i := range several {
		scripts.Executed(ForwardingAgent{WorkspaceName: fmt.Sprint("workspace ", i)}, i%2 == 0)
	}
	return nil
}

// manyRows returns sources with more rows than the smallest limits allow.
func manyRows() Sources {
	var workspaces []Workspace
	var stats []AgentStats
	var insights Insights
	for i := range several {
		name := strings.Repeat("é", i) + fmt.Sprint(i)
		workspaces = append(workspaces, Workspace{Name: name, Agents: []Agent{{
			Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady,
			Latencies:     []RegionLatency{{Region: name, Seconds: 1}},
			Apps:          []AgentApp{{DisplayName: name, Health: AppHealthy}},
			StartupScript: &StartupScript{Seconds: 1},
		}}})
		stats = append(stats, AgentStats{AgentName: "main", Workspace: name})
		insights.ActiveUsers = append(insights.ActiveUsers, TemplateUsers{Template: name, Users: 1})
		insights.Applications = append(insights.Applications, ApplicationUsage{Template: name, Application: "SSH", Seconds: 60})
		insights.Parameters = append(insights.Parameters, ParameterUsage{Template: name, Name: "region", Type: "string", Value: name, Builds: 1})
	}
	return Sources{
		ActiveUsers:  activeUsersFunc(answers(1)),
		LatestBuilds: latestBuildsFunc(answers([]LatestBuilds{{Status: JobSucceeded, Workspaces: 1}, {Status: JobFailed, Workspaces: 2}, {Status: JobRunning, Workspaces: 3}})),
		Agents:       agentsFunc(answers(workspaces)),
		AgentStats:   agentStatsFunc(answers(stats)),
		Insights:     insightsFunc(answers(insights)),
		License:      licenseFunc(answers(License{ActiveUsers: 1, Limit: 2})),
		Jobs:         runningJobsFunc(answers(map[Provisioner]int{Terraform: 1})),
	}
}
