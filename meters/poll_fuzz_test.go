package meters

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// FuzzPoll checks that the next scrape is valid with any data from sources: label values are
// valid UTF-8, no value is negative or NaN, and no series is duplicated.
func FuzzPoll(f *testing.F) {
	f.Add("dev", "main", "connected", 0.02, 3)
	f.Add("", "", "", 0.0, 0)
	f.Add("d\xff", "d\ufffd", "ready\x00", math.NaN(), -1)
	f.Add("a\nb", `"\`, "nodeid:00000000deadbeef", math.Inf(1), math.MaxInt)
	f.Add("😀", "\xf0\x9f\x98", "healthy", -0.5, math.MinInt)
	f.Add("unknown", "", "start", 1.0, 1)
	f.Fuzz(func(t *testing.T, name, other, state string, seconds float64, n int) {
		for e := range instrument.Editions() {
			synctest.Test(t, func(t *testing.T) { pollAny(t, e, name, other, state, seconds, n) })
		}
	})
}

func pollAny(t *testing.T, e instrument.Edition, name, other, state string, seconds float64, n int) {
	agent := Agent{
		Name: name, Status: AgentStatus(state), Lifecycle: AgentLifecycle(state), TailnetNode: state,
		Latencies:     []RegionLatency{{Region: name, Seconds: seconds}, {Region: other, Seconds: seconds}},
		Apps:          []AgentApp{{DisplayName: name, Health: AppHealth(state)}, {DisplayName: other, Health: AppHealthy}},
		StartupScript: &StartupScript{Seconds: seconds},
	}
	connected := agent
	connected.Name, connected.Status, connected.Lifecycle = other, AgentConnected, LifecycleReady
	stats := AgentStats{AgentName: name, Username: other, Workspace: name, RxBytes: int64(n), TxBytes: int64(n), Connections: 1, MedianLatency: seconds}
	swapped := stats
	swapped.AgentName, swapped.Username, swapped.Workspace = other, name, other

	m := meterstest.NewReaderOf(t, e)
	poll(t, m, Sources{
		Edition:     e,
		ActiveUsers: activeUsersFunc(answers(n)),
		LatestBuilds: latestBuildsFunc(answers([]LatestBuilds{
			{JobStatus(state), Transition(state), name, other, name, n}, {JobFailed, TransitionStart, other, name, other, n},
			{JobUnknown, TransitionStart, other, "unknown", other, n}, {JobFailed, TransitionStart, other, "", other, n},
		})),
		Agents: agentsFunc(answers([]Workspace{
			{Name: name, Username: other, Template: name, TemplateVersion: name, Agents: []Agent{agent, connected}},
			{Name: name, Username: other, Template: other},
			{Name: name, Username: other, Template: name, TemplateVersion: other, Agents: []Agent{agent}},
		})),
		AgentStats: agentStatsFunc(answers([]AgentStats{stats, stats, swapped})),
		Insights: insightsFunc(answers(Insights{
			ActiveUsers:  []TemplateUsers{{name, other, n}, {other, name, n}, {other, other, n}},
			Applications: []ApplicationUsage{{name, name, other, state, seconds}, {name, other, other, state, seconds}},
			Parameters:   []ParameterUsage{{name, name, other, state, name, n}, {name, other, other, state, name, n}},
		})),
		License: licenseFunc(answers(License{ActiveUsers: n, Limit: n})),
		Jobs:    runningJobsFunc(answers(map[Provisioner]int{Provisioner(state): n, Echo: n})),
		Users:   usersFunc(answers(map[UserStatus]int{UserStatus(state): n, UserActive: n})),
		Daemons: daemonsFunc(answers(n)),
	})
	for line := range strings.Lines(m.Text(t)) { // Text fails the test if a scrape would fail
		value := line[strings.LastIndexByte(line, ' ')+1:]
		if strings.HasPrefix(value, "-") || strings.Contains(value, "NaN") {
			t.Errorf("got the value of %s, want a number of at least 0", line)
		}
	}
	wantValue(t, m, `otelcoder_source_up{source="agents"}`, 1)
	wantValue(t, m, `otelcoder_source_up{source="agent_stats"}`, 1)
	wantValue(t, m, `otelcoder_source_up{source="insights"}`, 1)
}
