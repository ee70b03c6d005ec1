package meters

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestAgents(t *testing.T) {
	agent := Agent{Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady, TailnetNode: "nodeid:00000000deadbeef"}
	for _, test := range []struct {
		name       string
		edition    instrument.Edition
		workspaces []Workspace
		want       string
	}{
		{name: "none", want: ""},
		{
			name: "a workspace with all fields",
			workspaces: []Workspace{{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{{
				Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady, TailnetNode: "nodeid:00000000deadbeef",
				Latencies: []RegionLatency{{Region: "Frankfurt", Preferred: true, Seconds: 0.012}, {Region: "Unnamed 7", Seconds: 0.25}},
				Apps:      []AgentApp{{DisplayName: "code-server", Health: AppHealthy}},
			}}}},
			want: `# TYPE coderd_agents_apps gauge
coderd_agents_apps{agent_name="main",app_name="code-server",health="healthy",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_connection_latencies_seconds gauge
coderd_agents_connection_latencies_seconds{agent_name="main",derp_region="Frankfurt",preferred="true",username="alice",workspace_name="dev"} 0.012
coderd_agents_connection_latencies_seconds{agent_name="main",derp_region="Unnamed 7",preferred="false",username="alice",workspace_name="dev"} 0.25
# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="main",lifecycle_state="ready",status="connected",tailnet_node="nodeid:00000000deadbeef",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 1
`,
		},
		{
			name:       "a workspace without agents",
			workspaces: []Workspace{{Name: "dev", Username: "alice", Template: "docker"}},
			want: `# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 0
`,
		},
		{
			name: "agents of all states count",
			workspaces: []Workspace{{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{
				{Name: "a", Status: AgentTimeout, Lifecycle: LifecycleCreated},
				{Name: "b", Status: AgentDisconnected, Lifecycle: LifecycleOff, TailnetNode: "relay"},
			}}},
			want: `# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="a",lifecycle_state="created",status="timeout",tailnet_node="unknown",username="alice",workspace_name="dev"} 1
coderd_agents_connections{agent_name="b",lifecycle_state="off",status="disconnected",tailnet_node="unknown",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 2
`,
		},
		{
			name: "equal labels: a workspace of one name in two organizations",
			workspaces: []Workspace{
				{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{agent, agent}},
				{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{agent}},
			},
			want: `# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="main",lifecycle_state="ready",status="connected",tailnet_node="nodeid:00000000deadbeef",username="alice",workspace_name="dev"} 3
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 3
`,
		},
		{
			name: "equal labels: two apps of one display name, two regions of one name",
			workspaces: []Workspace{{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{{
				Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady,
				Latencies: []RegionLatency{{Region: "Rio", Seconds: 0.5}, {Region: "Rio", Seconds: 0.75}, {Region: "Rio", Seconds: 0.25}},
				Apps: []AgentApp{
					{DisplayName: "app", Health: AppHealthy}, {DisplayName: "app", Health: AppUnhealthy}, {DisplayName: "app", Health: AppHealthy},
				},
			}}}},
			want: `# TYPE coderd_agents_apps gauge
coderd_agents_apps{agent_name="main",app_name="app",health="healthy",username="alice",workspace_name="dev"} 2
coderd_agents_apps{agent_name="main",app_name="app",health="unhealthy",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_connection_latencies_seconds gauge
coderd_agents_connection_latencies_seconds{agent_name="main",derp_region="Rio",preferred="false",username="alice",workspace_name="dev"} 0.75
# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="main",lifecycle_state="ready",status="connected",tailnet_node="unknown",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 1
`,
		},
		{
			name: "invalid UTF-8 merges with its sanitized text",
			workspaces: []Workspace{
				{Name: "dev\xff", Username: "al\x00ice", Template: "\xc3docker"},
				{Name: "dev\ufffd", Username: "al\ufffdice", Template: "\ufffddocker", Agents: []Agent{{
					Name: "m\xffin", Status: AgentConnected, Lifecycle: LifecycleReady, TailnetNode: "nodeid:\xff",
					Latencies: []RegionLatency{{Region: "R\xffo", Seconds: 1}},
					Apps:      []AgentApp{{DisplayName: "\xffapp", Health: AppHealthy}},
				}}},
			},
			want: `# TYPE coderd_agents_apps gauge
coderd_agents_apps{agent_name="m�in",app_name="�app",health="healthy",username="al�ice",workspace_name="dev�"} 1
# TYPE coderd_agents_connection_latencies_seconds gauge
coderd_agents_connection_latencies_seconds{agent_name="m�in",derp_region="R�o",preferred="false",username="al�ice",workspace_name="dev�"} 1
# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="m�in",lifecycle_state="ready",status="connected",tailnet_node="unknown",username="al�ice",workspace_name="dev�"} 1
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="�docker",username="al�ice",workspace_name="dev�"} 1
`,
		},
		{
			name: "edition Documented: no versions of templates",
			workspaces: []Workspace{
				{Name: "dev", Username: "alice", Template: "docker", TemplateVersion: "v1", Agents: []Agent{agent}},
				{Name: "dev", Username: "alice", Template: "docker", TemplateVersion: "v2", Agents: []Agent{agent}},
			},
			want: `# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="main",lifecycle_state="ready",status="connected",tailnet_node="nodeid:00000000deadbeef",username="alice",workspace_name="dev"} 2
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 2
`,
		},
		{
			name: "edition Coder: versions of templates, and no series without agents", edition: instrument.Coder,
			workspaces: []Workspace{
				{Name: "dev", Username: "alice", Template: "docker", TemplateVersion: "v1", Agents: []Agent{agent}},
				{Name: "dev", Username: "alice", Template: "docker", TemplateVersion: "v2", Agents: []Agent{agent, agent}},
				{Name: "dev", Username: "alice", Template: "docker", TemplateVersion: "v2", Agents: []Agent{agent}},
				{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{agent}},
				{Name: "dev", Username: "alice", Template: "docker", TemplateVersion: "v3"},
			},
			want: `# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="main",lifecycle_state="ready",status="connected",tailnet_node="nodeid:00000000deadbeef",username="alice",workspace_name="dev"} 5
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",template_version="unknown",username="alice",workspace_name="dev"} 1
coderd_agents_up{template_name="docker",template_version="v1",username="alice",workspace_name="dev"} 1
coderd_agents_up{template_name="docker",template_version="v2",username="alice",workspace_name="dev"} 3
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meterstest.NewReaderOf(t, test.edition)
				poll(t, m, Sources{Edition: test.edition, Agents: agentsFunc(answers(test.workspaces))})
				m.Expect(t, test.want, instrument.AgentsUp, instrument.AgentsConnections,
					instrument.AgentsConnectionLatencies, instrument.AgentsApps)
				wantRefused(t, m, 0, 0)
			})
		})
	}
}

func wantRefused(t *testing.T, m *meterstest.Reader, label, value int) {
	t.Helper()
	m.Expect(t, fmt.Sprintf(`# TYPE otelcoder_refused_total counter
otelcoder_refused_total{origin="source",reason="length"} 0
otelcoder_refused_total{origin="source",reason="limit"} 0
otelcoder_refused_total{origin="source",reason="undocumented"} %d
otelcoder_refused_total{origin="source",reason="value"} %d
`, label, value), instrument.HealthRefused)
}

// TestAgentsRefused checks that an invalid value leaves out its own series and is counted as
// refused, and that its agent is still counted.
func TestAgentsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, Sources{Agents: agentsFunc(answers([]Workspace{{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{
			{Name: "a", Status: "exploded", Lifecycle: LifecycleReady},
			{Name: "b", Status: AgentConnected, Lifecycle: "", Apps: []AgentApp{{DisplayName: "good", Health: AppDisabled}, {DisplayName: "bad", Health: "\xff"}}},
			{Name: "c", Status: AgentConnecting, Lifecycle: LifecycleStarting, Latencies: []RegionLatency{
				{Region: "NaN", Seconds: math.NaN()}, {Region: "Inf", Seconds: math.Inf(1)}, {Region: "-Inf", Seconds: math.Inf(-1)},
				{Region: "negative", Seconds: -0.001}, {Region: "none", Seconds: 0},
			}},
		}}}))})
		m.Expect(t, `# TYPE coderd_agents_apps gauge
coderd_agents_apps{agent_name="b",app_name="good",health="disabled",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_connection_latencies_seconds gauge
coderd_agents_connection_latencies_seconds{agent_name="c",derp_region="none",preferred="false",username="alice",workspace_name="dev"} 0
# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="c",lifecycle_state="starting",status="connecting",tailnet_node="unknown",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 3
`, instrument.AgentsUp, instrument.AgentsConnections, instrument.AgentsConnectionLatencies, instrument.AgentsApps)
		wantRefused(t, m, 3, 4)
	})
}

func TestAgentsGoneFromTheNextSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		var workspaces variable[[]Workspace]
		workspaces.set([]Workspace{
			{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{{Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady}}},
			{Name: "old", Username: "bob", Template: "docker"},
		})
		poll(t, m, Sources{Agents: agentsFunc(func(context.Context) ([]Workspace, error) { return workspaces.get(), nil })})
		wantValue(t, m, `otelcoder_source_series{source="agents"}`, 3)

		workspaces.set([]Workspace{
			{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{{Name: "main", Status: AgentDisconnected, Lifecycle: LifecycleReady}}},
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		m.Expect(t, `# TYPE coderd_agents_connections gauge
coderd_agents_connections{agent_name="main",lifecycle_state="ready",status="disconnected",tailnet_node="unknown",username="alice",workspace_name="dev"} 1
# TYPE coderd_agents_up gauge
coderd_agents_up{template_name="docker",username="alice",workspace_name="dev"} 1
`, instrument.AgentsUp, instrument.AgentsConnections)
		wantValue(t, m, `otelcoder_source_series{source="agents"}`, 2)
	})
}

func TestAgentsStartupScripts(t *testing.T) {
	workspaces := []Workspace{
		{Name: "dev", Username: "alice", Template: "docker", Agents: []Agent{
			{Name: "main", StartupScript: &StartupScript{Seconds: 2.5, Success: true}},
			{Name: "running"},
			{Name: "broken", StartupScript: &StartupScript{Seconds: math.NaN()}},
		}},
		{Name: "web", Username: "alice", Template: "k8s", Agents: []Agent{
			{Name: "main", StartupScript: &StartupScript{Seconds: 4, Success: true}},
			{Name: "slow", StartupScript: &StartupScript{Seconds: 60, Success: false}},
		}},
	}
	for _, test := range []struct{ name, by, want string }{
		{"all labels", "", `# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{agent_name="main",success="true",template_name="docker",username="alice",workspace_name="dev"} 2.5
coderd_agentstats_startup_script_seconds{agent_name="main",success="true",template_name="k8s",username="alice",workspace_name="web"} 4
coderd_agentstats_startup_script_seconds{agent_name="slow",success="false",template_name="k8s",username="alice",workspace_name="web"} 60
`},
		{"success is kept", "username", `# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{success="false",username="alice"} 60
coderd_agentstats_startup_script_seconds{success="true",username="alice"} 6.5
`},
		{"template", "template_name", `# TYPE coderd_agentstats_startup_script_seconds gauge
coderd_agentstats_startup_script_seconds{success="false",template_name="k8s"} 60
coderd_agentstats_startup_script_seconds{success="true",template_name="docker"} 2.5
coderd_agentstats_startup_script_seconds{success="true",template_name="k8s"} 4
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meterstest.NewReader(t)
				poll(t, m, Sources{Agents: agentsFunc(answers(workspaces))}, aggregateBy(t, test.by)...)
				m.Expect(t, test.want, instrument.AgentStatsStartupScript)
			})
		})
	}
}

// TestAgentsExecution checks that every collection is observed: successful, failed or
// panicking.
func TestAgentsExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		asked := 0
		poll(t, m, Sources{Agents: agentsFunc(func(context.Context) ([]Workspace, error) {
			switch asked++; asked {
			case 1:
				time.Sleep(200 * time.Millisecond)
				return nil, nil
			case 2:
				time.Sleep(3 * time.Second)
				return nil, errors.New("down")
			}
			time.Sleep(7 * time.Second)
			panic("broken")
		})})
		time.Sleep(time.Minute + 12*time.Second)
		synctest.Wait()
		m.Expect(t, `# TYPE coderd_metrics_collector_agents_execution_seconds histogram
coderd_metrics_collector_agents_execution_seconds_bucket{le="0.001"} 0
coderd_metrics_collector_agents_execution_seconds_bucket{le="0.005"} 0
coderd_metrics_collector_agents_execution_seconds_bucket{le="0.01"} 0
coderd_metrics_collector_agents_execution_seconds_bucket{le="0.025"} 0
coderd_metrics_collector_agents_execution_seconds_bucket{le="0.05"} 0
coderd_metrics_collector_agents_execution_seconds_bucket{le="0.1"} 0
coderd_metrics_collector_agents_execution_seconds_bucket{le="0.5"} 1
coderd_metrics_collector_agents_execution_seconds_bucket{le="1"} 1
coderd_metrics_collector_agents_execution_seconds_bucket{le="5"} 2
coderd_metrics_collector_agents_execution_seconds_bucket{le="10"} 3
coderd_metrics_collector_agents_execution_seconds_bucket{le="30"} 3
coderd_metrics_collector_agents_execution_seconds_bucket{le="+Inf"} 3
coderd_metrics_collector_agents_execution_seconds_sum 10.2
coderd_metrics_collector_agents_execution_seconds_count 3
`, instrument.CollectorAgentsExecution)
	})
}
