package bench

import (
	"context"
	"fmt"

	"github.com/otelcoder/otelcoder/meters"
)

// seriesPerWorkspace is the number of series of a workspace: the workspace, its agent, 8
// relay regions, 2 apps and 8 statistics.
const seriesPerWorkspace = 1 + 1 + 8 + 2 + 8

// deployment is a source of this many workspaces with an agent each.
type deployment int

func (d deployment) Agents(context.Context) ([]meters.Workspace, error) {
	regions := []string{"Amsterdam", "Frankfurt", "London", "New York City", "San Francisco", "Singapore", "Sydney", "Tokyo"}
	workspaces := make([]meters.Workspace, d)
	for i := range workspaces {
		agent := meters.Agent{
			Name:        "main",
			Status:      meters.AgentConnected,
			Lifecycle:   meters.LifecycleReady,
			TailnetNode: fmt.Sprintf("nodeid:%016x", i*2654435761),
			Apps: []meters.AgentApp{
				{DisplayName: "code-server", Health: meters.AppHealthy},
				{DisplayName: "JetBrains Gateway", Health: meters.AppDisabled},
			},
		}
		for j, region := range regions {
			agent.Latencies = append(agent.Latencies, meters.RegionLatency{
				Region: region, Preferred: j == i%len(regions), Seconds: 0.001 * float64(1+(i*7+j*31)%250),
			})
		}
		workspaces[i] = meters.Workspace{
			Name: fmt.Sprintf("workspace-%d", i), Username: fmt.Sprintf("user-%d", i/2), Template: fmt.Sprintf("template-%d", i%20),
			Agents: []meters.Agent{agent},
		}
	}
	return workspaces, nil
}

func (d deployment) AgentStats(context.Context) ([]meters.AgentStats, error) {
	stats := make([]meters.AgentStats, d)
	for i := range stats {
		stats[i] = meters.AgentStats{
			AgentName: "main", Username: fmt.Sprintf("user-%d", i/2), Workspace: fmt.Sprintf("workspace-%d", i),
			RxBytes: int64(i) * 7919 % 1e7, TxBytes: int64(i) * 104729 % 1e8, Connections: int64(i % 4),
			MedianLatency: 0.001 * float64(i%90), SessionsVSCode: int64(i % 3), SessionsSSH: int64(i % 2),
		}
	}
	return stats, nil
}
