package meters

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestStateIsReadAfresh checks that a collection replaces the previous one: values are not
// added, and the series of removed agents are dropped.
func TestStateIsReadAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		var stats variable[[]AgentStats]
		stats.set([]AgentStats{{AgentName: "main", Username: "alice", Workspace: "dev", Connections: 3}})
		poll(t, m, Sources{
			LatestBuilds: latestBuildsFunc(answers([]LatestBuilds{{Status: JobSucceeded, Workspaces: 2}})),
			AgentStats:   agentStatsFunc(func(context.Context) ([]AgentStats, error) { return stats.get(), nil }),
		})
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		wantValue(t, m, `coderd_api_workspace_latest_build_total{status="succeeded"}`, 2)
		wantValue(t, m, `coderd_agentstats_connection_count{agent_name="main",username="alice",workspace_name="dev"}`, 3)

		stats.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		m.Expect(t, "", instrument.AgentStatsConnections)
	})
}
