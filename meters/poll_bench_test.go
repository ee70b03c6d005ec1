package meters

import (
	"fmt"
	"testing"
)

// Snapshots of 10,000 unchanged workspaces, each with an agent, an app and a latency.
func BenchmarkSnapshot(b *testing.B) {
	const n = 10_000
	workspaces := make([]Workspace, n)
	stats := make([]AgentStats, n)
	for i := range n {
		user, name := fmt.Sprintf("user-%d", i/2), fmt.Sprintf("workspace-%d", i)
		workspaces[i] = Workspace{Name: name, Username: user, Template: "docker", Agents: []Agent{{
			Name: "main", Status: AgentConnected, Lifecycle: LifecycleReady, TailnetNode: fmt.Sprintf("nodeid:%016x", i),
			Latencies: []RegionLatency{{Region: "Frankfurt", Preferred: true, Seconds: 0.02}},
			Apps:      []AgentApp{{DisplayName: "code-server", Health: AppHealthy}},
		}}}
		stats[i] = AgentStats{AgentName: "main", Username: user, Workspace: name, RxBytes: 1, TxBytes: 1, Connections: 1, MedianLatency: 0.02}
	}
	_, meters := newMeters(b)
	refused := newSourceRefusals(meters.output, meters.config)

	b.Run("agents", func(b *testing.B) {
		b.ReportAllocs()
		sets := newLabelSets(meters.config.edition)
		for b.Loop() {
			agentsSnapshot(workspaces, meters.config, sets, refused)
		}
	})
	b.Run("agent_stats", func(b *testing.B) {
		b.ReportAllocs()
		sets := newLabelSets(meters.config.edition)
		for b.Loop() {
			agentStatsSamples(stats, meters.config, sets, refused)
		}
	})
}
