package coderdb

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

const (
	// commitDelay is how long after it is stamped a row of statistics may still
	// not be committed: Coder writes them in batches, up to a second later.
	commitDelay = 5 * time.Second
	// maxLookBack bounds a window after a long outage. The statistics of many
	// hours would take longer than the time limit to sum up, each time again.
	maxLookBack = time.Hour
)

// agentStats sums up windows that follow each other without gap or overlap.
type agentStats struct {
	db    *DB
	until time.Time // the previous window's upper bound; zero for none
}

// agentStatsSQL has a row for each agent that reported a latency in the window
// ($1, $2]: the sums of all its rows, the counts of its newest one with a
// latency, which also has the labels. Agents are not trusted: neither NaN nor
// an infinite latency is one, and a sum cannot overflow.
const agentStatsSQL = `
WITH reports AS MATERIALIZED (
	SELECT created_at, user_id, agent_id, workspace_id, rx_bytes, tx_bytes,
		connection_count, connection_median_latency_ms,
		session_count_vscode, session_count_jetbrains, session_count_reconnecting_pty, session_count_ssh
	FROM workspace_agent_stats
	WHERE created_at > $1 AND created_at <= $2
), traffic AS (
	SELECT agent_id,
		least(greatest(sum(rx_bytes), 0), 9223372036854775807)::bigint AS rx_bytes,
		least(greatest(sum(tx_bytes), 0), 9223372036854775807)::bigint AS tx_bytes
	FROM reports
	GROUP BY agent_id
), newest AS (
	SELECT DISTINCT ON (agent_id) *
	FROM reports
	WHERE connection_median_latency_ms > 0 AND connection_median_latency_ms < 'Infinity'
	ORDER BY agent_id, created_at DESC
)
SELECT a.name, u.username, w.name, traffic.rx_bytes, traffic.tx_bytes,
	newest.connection_count, newest.connection_median_latency_ms / 1000,
	newest.session_count_vscode, newest.session_count_jetbrains,
	newest.session_count_reconnecting_pty, newest.session_count_ssh
FROM newest
JOIN traffic ON traffic.agent_id = newest.agent_id
JOIN workspace_agents a ON a.id = newest.agent_id
JOIN users u ON u.id = newest.user_id
JOIN workspaces w ON w.id = newest.workspace_id`

// AgentStats implements [meters.AgentStatsSource].
func (a *agentStats) AgentStats(ctx context.Context) ([]meters.AgentStats, error) {
	var stats []meters.AgentStats
	var until time.Time
	err := a.db.read(ctx, "agent statistics", func(ctx context.Context, s snapshot) error {
		var from time.Time
		from, until = a.window(s.now)
		stats = nil
		var row meters.AgentStats
		return s.each(ctx, func() error {
			stats = append(stats, row)
			return nil
		}, []any{
			&row.AgentName, &row.Username, &row.Workspace, &row.RxBytes, &row.TxBytes,
			&row.Connections, &row.MedianLatency,
			&row.SessionsVSCode, &row.SessionsJetBrains, &row.SessionsReconnectingPTY, &row.SessionsSSH,
		}, agentStatsSQL, from, until)
	})
	if err != nil {
		return nil, err // the next window begins where this one did
	}
	a.until = until
	return stats, nil
}

// window returns the bounds of the next window. It looks back one interval if
// there is no previous one, or if the clock has moved back since by more than a
// failover explains: it is another database's.
func (a *agentStats) window(now time.Time) (from, until time.Time) {
	until = now.Add(-commitDelay)
	switch {
	case a.until.IsZero() || a.until.Sub(until) > time.Minute:
		return until.Add(-a.db.interval), until
	case a.until.After(until):
		return a.until, a.until
	case until.Sub(a.until) > maxLookBack:
		return until.Add(-maxLookBack), until
	}
	return a.until, until
}
