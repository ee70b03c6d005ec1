package meters

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/internal/metertest"
)

// TestStateIsReadAfresh: a collection replaces the one before. It neither adds
// to it nor keeps the statistics of an agent that is gone.
func TestStateIsReadAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metertest.New(t)
		var stats variable[[]AgentStats]
		stats.set([]AgentStats{{AgentName: "main", Username: "alice", Workspace: "dev", Connections: 3}})
		poll(t, m, Sources{
			LatestBuilds: latestBuildsFunc(answers(map[JobStatus]int{JobSucceeded: 2})),
			AgentStats:   agentStatsFunc(func(context.Context) ([]AgentStats, error) { return stats.get(), nil }),
		})
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		wantValue(t, m, `coderd_api_workspace_latest_build_total{status="succeeded"}`, 2)
		wantValue(t, m, `coderd_agentstats_connection_count{agent_name="main",username="alice",workspace_name="dev"}`, 3)

		stats.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantText(t, m, "", "coderd_agentstats_connection_count")
	})
}
