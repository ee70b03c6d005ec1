package meters

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestAgentStatsExecution checks that the edition Coder observes every collection, also
// failed ones.
func TestAgentStatsExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		collections := 0
		m := meterstest.NewReaderOf(t, instrument.Coder)
		poll(t, m, Sources{Edition: instrument.Coder, AgentStats: agentStatsFunc(func(context.Context) ([]AgentStats, error) {
			collections++
			time.Sleep(time.Duration(collections) * 4 * time.Second)
			if collections == 2 {
				return nil, errors.New("down")
			}
			return nil, nil
		})})
		time.Sleep(time.Minute + 15*time.Second)
		synctest.Wait()
		m.Expect(t, `# TYPE coderd_prometheusmetrics_agentstats_execution_seconds histogram
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="0.001"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="0.005"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="0.01"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="0.025"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="0.05"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="0.1"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="0.5"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="1"} 0
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="5"} 1
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="10"} 2
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="30"} 2
coderd_prometheusmetrics_agentstats_execution_seconds_bucket{le="+Inf"} 2
coderd_prometheusmetrics_agentstats_execution_seconds_sum 12
coderd_prometheusmetrics_agentstats_execution_seconds_count 2
`, instrument.CollectorAgentStatsExecution)
	})
}

func TestAgentStats(t *testing.T) {
	rows := []AgentStats{
		{
			AgentName: "main", Username: "alice", Workspace: "dev", RxBytes: 1000, TxBytes: 2000, Connections: 3, MedianLatency: 0.02,
			SessionsVSCode: 4, SessionsJetBrains: 5, SessionsReconnectingPTY: 6, SessionsSSH: 7,
		},
		{
			AgentName: "main", Username: "bob", Workspace: "dev", RxBytes: 10, TxBytes: 20, Connections: 30, MedianLatency: 0.5,
			SessionsVSCode: 40, SessionsJetBrains: 50, SessionsReconnectingPTY: 60, SessionsSSH: 70,
		},
		{AgentName: "gpu", Username: "bob", Workspace: "dev", RxBytes: 1, MedianLatency: 0.25},
	}
	for _, test := range []struct {
		name string
		by   string // empty: not set
		rows []AgentStats
		want string
	}{
		{
			name: "all labels", rows: rows[:2],
			want: `# TYPE coderd_agentstats_connection_count gauge
coderd_agentstats_connection_count{agent_name="main",username="alice",workspace_name="dev"} 3
coderd_agentstats_connection_count{agent_name="main",username="bob",workspace_name="dev"} 30
# TYPE coderd_agentstats_connection_median_latency_seconds gauge
coderd_agentstats_connection_median_latency_seconds{agent_name="main",username="alice",workspace_name="dev"} 0.02
coderd_agentstats_connection_median_latency_seconds{agent_name="main",username="bob",workspace_name="dev"} 0.5
# TYPE coderd_agentstats_rx_bytes gauge
coderd_agentstats_rx_bytes{agent_name="main",username="alice",workspace_name="dev"} 1000
coderd_agentstats_rx_bytes{agent_name="main",username="bob",workspace_name="dev"} 10
# TYPE coderd_agentstats_session_count_jetbrains gauge
coderd_agentstats_session_count_jetbrains{agent_name="main",username="alice",workspace_name="dev"} 5
coderd_agentstats_session_count_jetbrains{agent_name="main",username="bob",workspace_name="dev"} 50
# TYPE coderd_agentstats_session_count_reconnecting_pty gauge
coderd_agentstats_session_count_reconnecting_pty{agent_name="main",username="alice",workspace_name="dev"} 6
coderd_agentstats_session_count_reconnecting_pty{agent_name="main",username="bob",workspace_name="dev"} 60
# TYPE coderd_agentstats_session_count_ssh gauge
coderd_agentstats_session_count_ssh{agent_name="main",username="alice",workspace_name="dev"} 7
coderd_agentstats_session_count_ssh{agent_name="main",username="bob",workspace_name="dev"} 70
# TYPE coderd_agentstats_session_count_vscode gauge
coderd_agentstats_session_count_vscode{agent_name="main",username="alice",workspace_name="dev"} 4
coderd_agentstats_session_count_vscode{agent_name="main",username="bob",workspace_name="dev"} 40
# TYPE coderd_agentstats_tx_bytes gauge
coderd_agentstats_tx_bytes{agent_name="main",username="alice",workspace_name="dev"} 2000
coderd_agentstats_tx_bytes{agent_name="main",username="bob",workspace_name="dev"} 20
`,
		},
		{
			name: "template only: one series", by: "template_name", rows: rows,
			want: `# TYPE coderd_agentstats_connection_count gauge
coderd_agentstats_connection_count 33
# TYPE coderd_agentstats_connection_median_latency_seconds gauge
coderd_agentstats_connection_median_latency_seconds 0.5
# TYPE coderd_agentstats_rx_bytes gauge
coderd_agentstats_rx_bytes 1011
# TYPE coderd_agentstats_session_count_jetbrains gauge
coderd_agentstats_session_count_jetbrains 55
# TYPE coderd_agentstats_session_count_reconnecting_pty gauge
coderd_agentstats_session_count_reconnecting_pty 66
# TYPE coderd_agentstats_session_count_ssh gauge
coderd_agentstats_session_count_ssh 77
# TYPE coderd_agentstats_session_count_vscode gauge
coderd_agentstats_session_count_vscode 44
# TYPE coderd_agentstats_tx_bytes gauge
coderd_agentstats_tx_bytes 2020
`,
		},
		{name: "template only, no rows", by: "template_name", want: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meterstest.NewReader(t)
				poll(t, m, Sources{AgentStats: agentStatsFunc(answers(test.rows))}, aggregateBy(t, test.by)...)
				m.Expect(t, test.want,
					instrument.AgentStatsRx, instrument.AgentStatsTx, instrument.AgentStatsConnections,
					instrument.AgentStatsMedianLatency, instrument.AgentStatsSessionsVSCode,
					instrument.AgentStatsSessionsJetBrains, instrument.AgentStatsSessionsReconnectingPTY,
					instrument.AgentStatsSessionsSSH)
			})
		})
	}
}

func aggregateBy(t *testing.T, list string) []Option {
	t.Helper()
	if list == "" {
		return nil
	}
	labels, err := ParseAggregateBy(list)
	if err != nil {
		t.Fatal(err)
	}
	return []Option{WithAggregateBy(labels...)}
}

// TestAgentStatsAggregation checks that dropped labels are absent, that bytes are summed, and
// that the latency of a series is the maximum.
func TestAgentStatsAggregation(t *testing.T) {
	rows := []AgentStats{
		{AgentName: "main", Username: "alice", Workspace: "dev", RxBytes: 1, MedianLatency: 0.1},
		{AgentName: "main", Username: "alice", Workspace: "web", RxBytes: 10, MedianLatency: 0.4},
		{AgentName: "main", Username: "bob", Workspace: "dev", RxBytes: 100, MedianLatency: 0.2},
		{AgentName: "gpu", Username: "bob", Workspace: "dev", RxBytes: 1000, MedianLatency: 0.3},
	}
	for _, test := range []struct{ by, want string }{
		{"username", `# TYPE coderd_agentstats_connection_median_latency_seconds gauge
coderd_agentstats_connection_median_latency_seconds{username="alice"} 0.4
coderd_agentstats_connection_median_latency_seconds{username="bob"} 0.3
# TYPE coderd_agentstats_rx_bytes gauge
coderd_agentstats_rx_bytes{username="alice"} 11
coderd_agentstats_rx_bytes{username="bob"} 1100
`},
		{"workspace_name,template_name", `# TYPE coderd_agentstats_connection_median_latency_seconds gauge
coderd_agentstats_connection_median_latency_seconds{workspace_name="dev"} 0.3
coderd_agentstats_connection_median_latency_seconds{workspace_name="web"} 0.4
# TYPE coderd_agentstats_rx_bytes gauge
coderd_agentstats_rx_bytes{workspace_name="dev"} 1101
coderd_agentstats_rx_bytes{workspace_name="web"} 10
`},
		{"workspace_name,agent_name", `# TYPE coderd_agentstats_connection_median_latency_seconds gauge
coderd_agentstats_connection_median_latency_seconds{agent_name="gpu",workspace_name="dev"} 0.3
coderd_agentstats_connection_median_latency_seconds{agent_name="main",workspace_name="dev"} 0.2
coderd_agentstats_connection_median_latency_seconds{agent_name="main",workspace_name="web"} 0.4
# TYPE coderd_agentstats_rx_bytes gauge
coderd_agentstats_rx_bytes{agent_name="gpu",workspace_name="dev"} 1000
coderd_agentstats_rx_bytes{agent_name="main",workspace_name="dev"} 101
coderd_agentstats_rx_bytes{agent_name="main",workspace_name="web"} 10
`},
	} {
		t.Run(test.by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meterstest.NewReader(t)
				poll(t, m, Sources{AgentStats: agentStatsFunc(answers(rows))}, aggregateBy(t, test.by)...)
				m.Expect(t, test.want, instrument.AgentStatsRx, instrument.AgentStatsMedianLatency)
			})
		})
	}
}

func TestAgentStatsTextAndRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, Sources{AgentStats: agentStatsFunc(answers([]AgentStats{
			{AgentName: "m\xffin", Username: "al\xffice", Workspace: "d\xffv", TxBytes: 1},
			{AgentName: "m\ufffdin", Username: "al\ufffdice", Workspace: "d\ufffdv", TxBytes: 1},
			{AgentName: "nan", Username: "alice", Workspace: "dev", TxBytes: 1, MedianLatency: math.NaN()},
			{AgentName: "negative", Username: "alice", Workspace: "dev", TxBytes: 1, RxBytes: -1, Connections: -1},
		}))})
		m.Expect(t, `# TYPE coderd_agentstats_rx_bytes gauge
coderd_agentstats_rx_bytes{agent_name="m�in",username="al�ice",workspace_name="d�v"} 0
# TYPE coderd_agentstats_tx_bytes gauge
coderd_agentstats_tx_bytes{agent_name="m�in",username="al�ice",workspace_name="d�v"} 2
`, instrument.AgentStatsRx, instrument.AgentStatsTx)
		wantRefused(t, m, 0, 2)
	})
}
