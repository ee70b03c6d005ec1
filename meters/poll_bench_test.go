package meters

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkSnapshot measures the first snapshot of workspaces, each with an agent, an app and
// a latency, and a repeated snapshot of the same workspaces.
func BenchmarkSnapshot(b *testing.B) {
	_, meters := newMeters(b)
	refused := newSourceRefusals(meters.output, meters.config)
	for _, n := range []int{1_000, 10_000} {
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
		newAgents := func() collector {
			return agents(meters.output, meters.config, agentsFunc(answers(workspaces)), refused)
		}
		newStats := func() collector {
			return agentStats(meters.output, meters.config, agentStatsFunc(answers(stats)), refused)
		}
		for name, newCollector := range map[string]func() collector{"agents": newAgents, "agent_stats": newStats} {
			collect := func(b *testing.B, c collector) {
				if _, _, err := c.collect(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.Run(fmt.Sprintf("%s/workspaces=%d/first", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					collect(b, newCollector())
				}
			})
			b.Run(fmt.Sprintf("%s/workspaces=%d/repeated", name, n), func(b *testing.B) {
				b.ReportAllocs()
				c := newCollector()
				collect(b, c)
				for b.Loop() {
					collect(b, c)
				}
			})
		}
	}
}
