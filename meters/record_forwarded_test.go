package meters

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

const (
	scripts = "agent_scripts_executed_total"
	startup = "coderd_agentstats_startup_script_seconds"
)

var anAgent = ForwardingAgent{Username: "alice", WorkspaceName: "dev", AgentName: "main", TemplateName: "docker"}

func testForwarded(t *testing.T, options ...Option) (*meterstest.Reader, *Forwarded) {
	t.Helper()
	m, meters := newMeters(t, options...)
	return m, meters.Forwarded()
}

func scriptsExecuted(success string, n float64) ForwardedMetric {
	return ForwardedMetric{scripts, ForwardedCounter, n, []ForwardedLabel{{"success", success}}}
}

func startupScript(success string, seconds float64) ForwardedMetric {
	return ForwardedMetric{startup, ForwardedGauge, seconds, []ForwardedLabel{{"success", success}}}
}

func TestForwarded(t *testing.T) {
	const one = `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 3
`
	for _, test := range []struct {
		name    string
		report  []ForwardedMetric
		want    string
		refused string // reason and count
	}{
		{name: "empty report"},
		{
			name: "all documented metrics",
			report: []ForwardedMetric{
				scriptsExecuted("true", 3), scriptsExecuted("false", 0),
				startupScript("true", 1.5), startupScript("false", 0.25),
			},
			want: `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="main",success="false",template_name="docker",username="alice",workspace_name="dev"} 0
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 3
# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{agent_name="main",success="false",template_name="docker",username="alice",workspace_name="dev"} 0.25
coderd_agentstats_startup_script_seconds{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 1.5
`,
		},
		{
			name: "other names",
			report: []ForwardedMetric{
				{"go_goroutines", ForwardedGauge, 7, nil},
				{"coderd_agents_up", ForwardedGauge, 1, nil},
				{"agent_scripts_executed_total\xff", "counter", math.NaN(), []ForwardedLabel{{"\xff", "\x00"}}},
				{"", "", 0, nil},
				scriptsExecuted("true", 3),
			},
			want: one,
		},
		{
			name:    "wrong type",
			report:  []ForwardedMetric{{scripts, ForwardedGauge, 1, scriptsExecuted("true", 0).Labels}, {startup, "histogram", 1, nil}, scriptsExecuted("true", 3)},
			want:    one,
			refused: "type 2",
		},
		{
			name: "wrong labels",
			report: []ForwardedMetric{
				{scripts, ForwardedCounter, 1, nil},
				{scripts, ForwardedCounter, 1, []ForwardedLabel{{"Success", "true"}}},
				{scripts, ForwardedCounter, 1, []ForwardedLabel{{"success", "True"}}},
				{scripts, ForwardedCounter, 1, []ForwardedLabel{{"success", "tr\xffue"}}},
				{scripts, ForwardedCounter, 1, []ForwardedLabel{{"success", "true"}, {"success", "true"}}},
				{scripts, ForwardedCounter, 1, []ForwardedLabel{{"success", "true"}, {"username", "mallory"}}},
				{scripts, ForwardedCounter, 1, []ForwardedLabel{{"username", "mallory"}}},
				scriptsExecuted("true", 3),
			},
			want:    one,
			refused: "labels 7",
		},
		{
			name: "wrong value",
			report: []ForwardedMetric{
				scriptsExecuted("true", math.NaN()), scriptsExecuted("true", math.Inf(1)), scriptsExecuted("true", -1),
				startupScript("true", math.Inf(-1)), startupScript("true", -0.1), scriptsExecuted("true", 3),
			},
			want:    one,
			refused: "value 5",
		},
		{
			name:    "duplicate",
			report:  []ForwardedMetric{scriptsExecuted("true", 3), scriptsExecuted("true", 4), scriptsExecuted("true", 3)},
			want:    one,
			refused: "duplicate 2",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, f := testForwarded(t)
			f.Agent(anAgent).Report(test.report)
			m.Expect(t, test.want, instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript)

			reason, count, _ := strings.Cut(test.refused, " ")
			want := "# TYPE otelcoder_refused_total counter\n"
			for _, r := range []string{"duplicate", "labels", "length", "limit", "type", "value"} {
				n := "0"
				if r == reason {
					n = count
				}
				want += fmt.Sprintf("otelcoder_refused_total{origin=\"agent\",reason=\"%s\"} %s\n", r, n)
			}
			m.Expect(t, want, instrument.HealthRefused)
		})
	}
}

// TestForwardedFlood checks that an agent cannot create more than four series, or change the
// series of other agents.
func TestForwardedFlood(t *testing.T) {
	m, f := testForwarded(t)
	f.Agent(anAgent).Report([]ForwardedMetric{scriptsExecuted("true", 3)})
	var flood []ForwardedMetric
	for i := range 10_000 {
		flood = append(flood, ForwardedMetric{scripts, ForwardedCounter, 1, []ForwardedLabel{{"success", fmt.Sprint(i)}}})
	}
	flood = append(flood, scriptsExecuted("true", 1), scriptsExecuted("false", 1), startupScript("true", 1), startupScript("false", 1))
	f.Agent(ForwardingAgent{Username: "mallory\xff", WorkspaceName: "\x00"}).Report(append(flood, flood...))
	m.Expect(t, `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="",success="false",template_name="",username="mallory�",workspace_name="�"} 1
agent_scripts_executed_total{agent_name="",success="true",template_name="",username="mallory�",workspace_name="�"} 1
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 3
# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{agent_name="",success="false",template_name="",username="mallory�",workspace_name="�"} 1
coderd_agentstats_startup_script_seconds{agent_name="",success="true",template_name="",username="mallory�",workspace_name="�"} 1
# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="agent",reason="duplicate"} 4
otelcoder_refused_total{origin="agent",reason="labels"} 20000
otelcoder_refused_total{origin="agent",reason="length"} 0
otelcoder_refused_total{origin="agent",reason="limit"} 0
otelcoder_refused_total{origin="agent",reason="type"} 0
otelcoder_refused_total{origin="agent",reason="value"} 0
`)
}

// Samples of anAgent.
const (
	aScript  = `agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"}`
	aStartup = `coderd_agentstats_startup_script_seconds{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"}`
)

func wantNone(t *testing.T, m *meterstest.Reader, sample string) {
	t.Helper()
	if got, ok := m.Samples(t)[sample]; ok {
		t.Errorf("at %s: %s: got %v, want none", time.Now().Format(time.TimeOnly), sample, got)
	}
}

func TestForwardedReplaces(t *testing.T) {
	m, f := testForwarded(t)
	agent := f.Agent(anAgent)
	for _, n := range []float64{3, 5, 5, 1, 0, 2} { // a restarted agent counts from 0
		agent.Report([]ForwardedMetric{scriptsExecuted("true", n), startupScript("true", n/10)})
		wantValue(t, m, aScript, n)
		wantValue(t, m, aStartup, n/10)
	}
}

func TestForwardedForgetsAfterTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := testForwarded(t)
		agent := f.Agent(anAgent)
		agent.Report([]ForwardedMetric{scriptsExecuted("true", 3), startupScript("true", 1.5)})

		// Values that are no longer reported expire; reported ones are kept.
		time.Sleep(time.Minute)
		agent.Report([]ForwardedMetric{scriptsExecuted("true", 4)})
		time.Sleep(time.Minute - time.Nanosecond)
		wantValue(t, m, aScript, 4)
		wantValue(t, m, aStartup, 1.5)
		time.Sleep(time.Nanosecond)
		wantValue(t, m, aScript, 4)
		wantNone(t, m, aStartup)
		time.Sleep(time.Minute)
		wantNone(t, m, aScript)

		agent.Report([]ForwardedMetric{scriptsExecuted("true", 5)})
		wantValue(t, m, aScript, 5)
		wantValue(t, m, `otelcoder_refused_total{origin="agent",reason="limit"}`, 0)
	})
}

func TestForwardedClose(t *testing.T) {
	m, f := testForwarded(t)
	agent, other := f.Agent(anAgent), f.Agent(ForwardingAgent{Username: "bob", WorkspaceName: "dev", AgentName: "main", TemplateName: "docker"})
	agent.Report([]ForwardedMetric{scriptsExecuted("true", 3), startupScript("true", 1.5)})
	other.Report([]ForwardedMetric{scriptsExecuted("true", 7)})
	const want = `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="bob",workspace_name="dev"} 7
`
	agent.Close()
	m.Expect(t, want, instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript)
	agent.Report([]ForwardedMetric{scriptsExecuted("true", 4)}) // a late report
	m.Expect(t, want, instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript)
	agent.Close()
	m.Expect(t, want, instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript)
}

// TestForwardedReconnect checks that an agent may reconnect before the end of its old
// connection is detected.
func TestForwardedReconnect(t *testing.T) {
	for _, by := range [][]AgentLabel{allAgentLabels(), {LabelUsername}} {
		synctest.Test(t, func(t *testing.T) {
			m, f := testForwarded(t, WithAggregateBy(by...))
			sample := aScript
			if len(by) == 1 {
				sample = `agent_scripts_executed_total{success="true",username="alice"}`
			}
			old := f.Agent(anAgent)
			old.Report([]ForwardedMetric{scriptsExecuted("true", 3)})
			time.Sleep(time.Minute)
			agent := f.Agent(anAgent)
			wantValue(t, m, sample, 3)
			agent.Report([]ForwardedMetric{scriptsExecuted("true", 4)})
			wantValue(t, m, sample, 4)
			old.Report([]ForwardedMetric{scriptsExecuted("true", 3)})
			wantValue(t, m, sample, 4)
			old.Close()
			wantValue(t, m, sample, 4)

			// Reconnected without a report: the values expire.
			last := f.Agent(anAgent)
			agent.Close()
			time.Sleep(2*time.Minute - time.Nanosecond)
			wantValue(t, m, sample, 4)
			time.Sleep(time.Nanosecond)
			wantNone(t, m, sample)

			last.Report([]ForwardedMetric{scriptsExecuted("true", 5)})
			wantValue(t, m, sample, 5)
			last.Close()
			wantNone(t, m, sample)
		})
	}
}

func TestForwardedAggregation(t *testing.T) {
	for _, test := range []struct {
		name string
		by   []AgentLabel
		want string
	}{
		{"by all labels", allAgentLabels(), `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="main",success="false",template_name="docker",username="alice",workspace_name="dev"} 2
agent_scripts_executed_total{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 1
agent_scripts_executed_total{agent_name="main",success="true",template_name="k8s",username="bob",workspace_name="dev"} 20
agent_scripts_executed_total{agent_name="side",success="true",template_name="docker",username="alice",workspace_name="dev"} 10
# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 0.1
coderd_agentstats_startup_script_seconds{agent_name="main",success="true",template_name="k8s",username="bob",workspace_name="dev"} 1.5
coderd_agentstats_startup_script_seconds{agent_name="side",success="true",template_name="docker",username="alice",workspace_name="dev"} 0.7
`},
		{"by agent", []AgentLabel{LabelAgentName}, `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="main",success="false"} 2
agent_scripts_executed_total{agent_name="main",success="true"} 21
agent_scripts_executed_total{agent_name="side",success="true"} 10
# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{agent_name="main",success="true"} 1.6
coderd_agentstats_startup_script_seconds{agent_name="side",success="true"} 0.7
`},
		{"by workspace and template", []AgentLabel{LabelWorkspaceName, LabelTemplateName}, `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{success="false",template_name="docker",workspace_name="dev"} 2
agent_scripts_executed_total{success="true",template_name="docker",workspace_name="dev"} 11
agent_scripts_executed_total{success="true",template_name="k8s",workspace_name="dev"} 20
# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{success="true",template_name="docker",workspace_name="dev"} 0.7999999999999999
coderd_agentstats_startup_script_seconds{success="true",template_name="k8s",workspace_name="dev"} 1.5
`},
		{"by user, twice", []AgentLabel{LabelUsername, LabelUsername}, `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{success="false",username="alice"} 2
agent_scripts_executed_total{success="true",username="alice"} 11
agent_scripts_executed_total{success="true",username="bob"} 20
# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{success="true",username="alice"} 0.7999999999999999
coderd_agentstats_startup_script_seconds{success="true",username="bob"} 1.5
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, f := testForwarded(t, WithAggregateBy(test.by...))
			f.Agent(anAgent).Report([]ForwardedMetric{scriptsExecuted("true", 1), scriptsExecuted("false", 2), startupScript("true", 0.1)})
			f.Agent(ForwardingAgent{"alice", "dev", "side", "docker"}).Report([]ForwardedMetric{scriptsExecuted("true", 10), startupScript("true", 0.7)})
			f.Agent(ForwardingAgent{"bob", "dev", "main", "k8s"}).Report([]ForwardedMetric{scriptsExecuted("true", 20), startupScript("true", 1.5)})
			m.Expect(t, test.want, instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript)
		})
	}
}

// TestForwardedMerging checks the merged series of two agents of one user.
func TestForwardedMerging(t *testing.T) {
	const (
		merged  = `agent_scripts_executed_total{success="true",username="alice"}`
		longest = `coderd_agentstats_startup_script_seconds{success="true",username="alice"}`
	)
	synctest.Test(t, func(t *testing.T) {
		m, f := testForwarded(t, WithAggregateBy(LabelUsername))
		agents := map[string]*AgentReports{}
		for _, name := range []string{"a", "b"} {
			agents[name] = f.Agent(ForwardingAgent{Username: "alice", AgentName: name})
		}
		for i, step := range []struct {
			agent   string
			reports float64 // -1: it disconnects
			scripts float64 // -1: no series
			seconds float64
		}{
			{agent: "a", reports: 10, scripts: 10, seconds: 10},
			{agent: "a", reports: 4, scripts: 4, seconds: 4},    // a single agent
			{agent: "b", reports: 5, scripts: 9, seconds: 9},    // merged: from now on the counter only increases
			{agent: "a", reports: 6, scripts: 11, seconds: 11},  // by 2
			{agent: "a", reports: 1, scripts: 12, seconds: 6},   // restarted, 1 since
			{agent: "b", reports: 8, scripts: 15, seconds: 9},   // by 3
			{agent: "a", reports: -1, scripts: 15, seconds: 8},  // its counts are kept
			{agent: "b", reports: 9, scripts: 16, seconds: 9},   // by 1
			{agent: "b", reports: 2, scripts: 18, seconds: 2},   // restarted, 2 since
			{agent: "b", reports: -1, scripts: -1, seconds: -1}, // the last agent
		} {
			if step.reports >= 0 {
				agents[step.agent].Report([]ForwardedMetric{scriptsExecuted("true", step.reports), startupScript("true", step.reports)})
			} else {
				agents[step.agent].Close()
			}
			for sample, want := range map[string]float64{merged: step.scripts, longest: step.seconds} {
				got, ok := m.Samples(t)[sample]
				if !ok {
					got = -1
				}
				if got != want {
					t.Errorf("step %d: %s = %v, want %v", i, sample, got, want)
				}
			}
		}

		// A new series starts again, and agents without reports are also removed from it.
		a := f.Agent(ForwardingAgent{Username: "alice", AgentName: "a"})
		b := f.Agent(ForwardingAgent{Username: "alice", AgentName: "b"})
		a.Report([]ForwardedMetric{scriptsExecuted("true", 3), startupScript("true", 0.3)})
		time.Sleep(time.Minute)
		b.Report([]ForwardedMetric{scriptsExecuted("true", 4), startupScript("true", 0.1)})
		wantValue(t, m, merged, 7)
		time.Sleep(time.Minute)
		wantValue(t, m, merged, 7)
		wantValue(t, m, longest, 0.1) // exactly
		time.Sleep(time.Minute)
		wantNone(t, m, merged)
		wantNone(t, m, longest)

		// The same without a scrape in between.
		a.Report([]ForwardedMetric{scriptsExecuted("true", 5)})
		time.Sleep(2 * time.Minute)
		b.Report([]ForwardedMetric{scriptsExecuted("true", 6)})
		wantValue(t, m, merged, 6)
	})
}

// TestForwardedMergedCounterOnlyGrows checks that the sum of several agents does not decrease
// while one of them still reports.
func TestForwardedMergedCounterOnlyGrows(t *testing.T) {
	_, f := testForwarded(t, WithAggregateBy(LabelTemplateName))
	random := rand.New(rand.NewPCG(1, 2))
	agents := map[int]*AgentReports{}
	last, merged := 0.0, false
	for step := range 20_000 {
		i := random.IntN(4)
		switch {
		case agents[i] == nil:
			agents[i] = f.Agent(ForwardingAgent{AgentName: fmt.Sprint(i)})
			fallthrough
		case random.IntN(8) > 0:
			agents[i].Report([]ForwardedMetric{scriptsExecuted("true", random.Float64()*float64(random.IntN(100)))})
		default:
			agents[i].Close()
			delete(agents, i)
		}
		series, _ := f.snapshot()
		if len(agents) == 0 {
			if len(series) != 0 {
				t.Fatalf("step %d: got a series without agents", step)
			}
			last, merged = 0, false
			continue
		}
		merged = merged || len(agents) > 1
		if len(series) != 1 || merged && series[0].value < last {
			t.Fatalf("step %d: got %v, want one series of at least %v", step, series, last)
		}
		last = series[0].value
	}
}

// TestForwardedAnnouncesChanges checks that a reader which renders ahead is notified of every
// change, including the expiry of values, but not of reports without a change.
func TestForwardedAnnouncesChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := testForwarded(t)
		report := []ForwardedMetric{scriptsExecuted("true", 0)}
		agent := f.Agent(anAgent)
		wantAnnounced(t, m, false)
		agent.Report(report)
		wantAnnounced(t, m, true) // a series
		time.Sleep(time.Minute)
		agent.Report(report)
		wantAnnounced(t, m, false)
		report[0].Value = 1
		agent.Report(report)
		wantAnnounced(t, m, true) // a value
		time.Sleep(2*time.Minute - time.Nanosecond)
		wantAnnounced(t, m, false)
		time.Sleep(time.Nanosecond)
		wantAnnounced(t, m, true) // expired

		agent.Report(report)
		wantAnnounced(t, m, true)
		agent.Close()
		wantAnnounced(t, m, true)
		agent.Report(report)
		agent.Close()
		time.Sleep(2 * time.Minute)
		wantAnnounced(t, m, false)
	})
}

func TestForwardedIsBounded(t *testing.T) {
	log := new(log)
	m, f := testForwarded(t, log.option())
	f.reported.size = 8 // instead of 400,000
	for i := range 3 {
		f.Agent(ForwardingAgent{AgentName: fmt.Sprint(i)}).Report([]ForwardedMetric{
			scriptsExecuted("true", 1), scriptsExecuted("false", 1), startupScript("true", 1), startupScript("false", 1),
		})
	}
	m.Expect(t, `# TYPE agent_scripts_executed_total counter
agent_scripts_executed_total{agent_name="1",success="false",template_name="",username="",workspace_name=""} 1
agent_scripts_executed_total{agent_name="1",success="true",template_name="",username="",workspace_name=""} 1
agent_scripts_executed_total{agent_name="2",success="false",template_name="",username="",workspace_name=""} 1
agent_scripts_executed_total{agent_name="2",success="true",template_name="",username="",workspace_name=""} 1
`, instrument.AgentScriptsExecuted)
	wantValue(t, m, `otelcoder_refused_total{origin="agent",reason="limit"}`, 4)
	log.want(t, `level=WARN msg="left out of the metrics, and counted in otelcoder_refused_total" origin=agent reason=limit total=1`)
}

func TestForwardedAtOnce(t *testing.T) {
	m, f := testForwarded(t, WithAggregateBy(LabelTemplateName))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 100 {
				agent := f.Agent(ForwardingAgent{AgentName: fmt.Sprint(i)})
				wg.Go(func() { agent.Report([]ForwardedMetric{scriptsExecuted("true", float64(n)), startupScript("true", 1)}) })
				if n < 99 {
					defer agent.Close()
				}
			}
			f.Agent(ForwardingAgent{AgentName: fmt.Sprint(i)}).Report([]ForwardedMetric{startupScript("true", 1)})
		})
	}
	for range 10 {
		m.Text(t, instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript)
	}
	wg.Wait()
	wantValue(t, m, `coderd_agentstats_startup_script_seconds{success="true",template_name=""}`, 8)
}

// FuzzForwardedReport checks that after any report a scrape succeeds, that it has at most four
// series of the agent, and that the series of other agents are unchanged.
//
// Each line of a report has a name, a type, a value and labels, separated by tabs.
func FuzzForwardedReport(f *testing.F) {
	const success = "\tsuccess=true"
	f.Add("alice", "dev", "main", "docker", scripts+"\tcounter\t3"+success)
	f.Add("alice", "dev", "main", "docker", startup+"\tgauge\t1.5"+success+"\n"+startup+"\tgauge\t2"+success)
	f.Add("\xff", "\x00", "a\"b\\c\n", "", scripts+"\tgauge\tNaN\tsuccess=true\tusername=mallory")
	f.Add("bob", "dev", "main", "docker", scripts+"\tcounter\t-Inf"+success+"\n"+scripts+"\tcounter\t1e308"+success+"\n"+scripts+"\tcounter\t1\tsuccess=\xff")
	f.Add("", "", "", "", "go_goroutines\tgauge\t7\n\t\t\t=\n"+startup)
	f.Fuzz(func(t *testing.T, username, workspace, name, template, report string) {
		m, forwarded := testForwarded(t)
		other := ForwardingAgent{Username: "another", WorkspaceName: "w", AgentName: "a", TemplateName: "t"}
		forwarded.Agent(other).Report([]ForwardedMetric{scriptsExecuted("true", 7)})
		agent := forwarded.Agent(ForwardingAgent{username, workspace, name, template})
		metrics := parseReport(report)
		agent.Report(metrics)
		agent.Report(metrics)

		families := m.Families(t)
		wantValidLabels(t, families)
		for _, family := range []string{scripts, startup} {
			want := 2 // success true and false
			if family == scripts {
				want++ // series of the other agent
			}
			if got := len(families[family].GetMetric()); got > want {
				t.Errorf("%s: got %d series, want at most %d", family, got, want)
			}
		}
		if (ForwardingAgent{username, workspace, name, template}) == other {
			return
		}
		const untouched = `agent_scripts_executed_total{agent_name="a",success="true",template_name="t",username="another",workspace_name="w"}`
		wantValue(t, m, untouched, 7)
		agent.Close()
		m.Expect(t, "# TYPE agent_scripts_executed_total counter\n"+untouched+" 7\n", instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript)
	})
}

func parseReport(report string) []ForwardedMetric {
	var metrics []ForwardedMetric
	for line := range strings.SplitSeq(report, "\n") {
		var m ForwardedMetric
		fields := append(strings.Split(line, "\t"), "", "", "")
		m.Name, m.Type = fields[0], ForwardedType(fields[1])
		if _, err := fmt.Sscan(fields[2], &m.Value); err != nil {
			m.Value = math.NaN()
		}
		for _, label := range fields[3:] {
			if name, value, ok := strings.Cut(label, "="); ok {
				m.Labels = append(m.Labels, ForwardedLabel{name, value})
			}
		}
		metrics = append(metrics, m)
	}
	return metrics
}
