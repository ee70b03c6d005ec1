package coderdb

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

const (
	// commitDelay is the longest time from the stamp of a report to its commit.
	// Coder writes reports in batches, up to a second later.
	commitDelay = 5 * time.Second
	// maxSkew is the largest difference between Coder's clock, which stamps
	// reports, and the database's. Reports that are further off are left out.
	maxSkew = 5 * time.Minute
	// maxLag is the largest age of a report at its commit.
	maxLag = maxSkew + commitDelay
	// wideEvery is the interval of wide collections.
	wideEvery = 2 * time.Minute
	// maxLookBack bounds a window after a long outage. Summing up the reports of
	// many hours would exceed the time limit, on each attempt.
	maxLookBack = time.Hour
	// maxSkewed is the largest number of reports on one side of the window that a
	// collection counts.
	maxSkewed = 100_000
)

// agentStats sums up the reports of agents, each once.
//
// Reports are stamped by clocks of Coder that may differ from the database's. The
// windows of collections therefore overlap, and a collection takes only the reports
// that are newer than the newest report taken of their agent. A window starts before
// the previous collection, by the expected age of a report ([taken.expectedLag]). A
// wide window starts [maxLag] before the previous wide collection, and so includes all
// reports committed since. A collection is wide every [wideEvery], and whenever a
// report is older than expected: its agent may have further reports before the window.
type agentStats struct {
	db     *DB
	taken  taken
	skewed int // number of reports that the latest collection left out
}

// taken describes the reports taken so far; the zero value means none.
type taken struct {
	at     time.Time        // of the latest collection, by the database's clock
	wide   time.Time        // of the latest wide collection
	newest map[id]time.Time // newest report of each agent, if a window may include it
	latest time.Time        // newest report of all agents, in the window or not
	// lag is the largest age of an agent's newest report when it was taken, since the
	// latest wide collection. lagBefore is the largest age between the two latest wide
	// collections.
	lag, lagBefore time.Duration
}

// statsCollection is one collection of agent statistics.
type statsCollection struct {
	was    taken
	now    time.Time
	wide   bool
	from   time.Time // the window is (from, now + maxSkew]
	counts time.Time // older reports are taken, but not summed up

	newest map[id]time.Time // of the agents with new reports
	lag    time.Duration
	stats  []meters.AgentStats
	latest time.Time
	skewed int
}

// agentStatsSQL returns a row for each agent with new reports: reports in the window
// ($1, $2] that are newer than the agent's newest known report ($3, $4). A row has the
// time of the newest report; the sums of the reports after $5 and not in ($6, $7]; and
// the counts and labels of the newest of these reports with a latency, if any. Agents
// are not trusted: a latency of NaN or infinity is ignored, and a sum cannot overflow.
//
// No two subqueries are joined, since the planner cannot estimate their sizes.
const agentStatsSQL = `
WITH reports AS MATERIALIZED (
	SELECT r.*, counts AND connection_median_latency_ms > 0 AND connection_median_latency_ms < 'Infinity' AS labelled
	FROM (
		SELECT created_at, user_id, agent_id, workspace_id, rx_bytes, tx_bytes,
			connection_count, connection_median_latency_ms,
			session_count_vscode, session_count_jetbrains, session_count_reconnecting_pty, session_count_ssh,
			created_at > $5 AND NOT (created_at > $6 AND created_at <= $7) AS counts
		FROM workspace_agent_stats
		WHERE created_at > $1 AND created_at <= $2
	) AS r
	LEFT JOIN unnest($3::uuid[], $4::timestamptz[]) AS taken(agent_id, newest) ON taken.agent_id = r.agent_id
	WHERE taken.newest IS NULL OR r.created_at > taken.newest
), newest AS (
	SELECT DISTINCT ON (agent_id) *,
		max(created_at) OVER agent AS newest,
		least(greatest(sum(rx_bytes) FILTER (WHERE counts) OVER agent, 0), 9223372036854775807)::bigint AS rx_sum,
		least(greatest(sum(tx_bytes) FILTER (WHERE counts) OVER agent, 0), 9223372036854775807)::bigint AS tx_sum
	FROM reports
	WINDOW agent AS (
		PARTITION BY agent_id ORDER BY labelled DESC, created_at DESC
		ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
	)
	ORDER BY agent_id, labelled DESC, created_at DESC
)
SELECT newest.agent_id, newest.newest, newest.labelled AND a.id IS NOT NULL AND u.id IS NOT NULL AND w.id IS NOT NULL,
	coalesce(a.name, ''), coalesce(u.username, ''), coalesce(w.name, ''), newest.rx_sum, newest.tx_sum,
	newest.connection_count, newest.connection_median_latency_ms / 1000,
	newest.session_count_vscode, newest.session_count_jetbrains,
	newest.session_count_reconnecting_pty, newest.session_count_ssh
FROM newest
LEFT JOIN workspace_agents a ON a.id = newest.agent_id
LEFT JOIN users u ON u.id = newest.user_id
LEFT JOIN workspaces w ON w.id = newest.workspace_id`

// skewedSQL returns the time of the newest report, and the number of reports after $1
// that are ahead of the window ($2, $3], or behind it if all reports are. $4: the
// largest number counted on each side.
const skewedSQL = `
WITH latest AS (
	SELECT coalesce(max(created_at), $1) AS at
	FROM workspace_agent_stats
	WHERE created_at < 'infinity'
)
SELECT latest.at,
	(SELECT count(*) FROM (
		SELECT FROM workspace_agent_stats
		WHERE created_at > $1 AND created_at <= $2 AND (SELECT at FROM latest) <= $2
		LIMIT $4
	) AS behind) +
	(SELECT count(*) FROM (
		SELECT FROM workspace_agent_stats
		WHERE created_at > greatest($1::timestamptz, $3) AND created_at < 'infinity'
		LIMIT $4
	) AS ahead)
FROM latest`

// AgentStats implements [meters.AgentStatsSource].
func (a *agentStats) AgentStats(ctx context.Context) ([]meters.AgentStats, error) {
	var l statsCollection
	err := a.db.read(ctx, "agent statistics", func(ctx context.Context, s snapshot) error {
		was := a.taken
		if was.at.Sub(s.now) > time.Minute {
			// A failover does not set the clock back this far: this is another
			// database.
			was = taken{}
		}
		now, expected := later(was.at, s.now), was.expectedLag(a.db.interval)
		l = was.collection(now, expected, a.db.interval)
		if err := l.readReports(ctx, s); err != nil {
			return err
		}
		if !l.wide && l.lag > expected {
			l = was.wideCollection(now)
			if err := l.readReports(ctx, s); err != nil {
				return err
			}
		}
		return l.countSkewed(ctx, s)
	})
	if err != nil {
		return nil, err // the next window begins where this one did
	}
	a.taken, a.skewed = l.taken(), l.skewed
	return l.stats, nil
}

// SkewedReports returns the number of reports that the latest successful call of
// AgentStats left out: package meters counts them.
func (a *agentStats) SkewedReports() int { return a.skewed }

// expectedLag returns the largest age of an agent's newest report that needs no
// wide collection. An agent may have stopped just after the previous collection.
func (t taken) expectedLag(interval time.Duration) time.Duration {
	return min(max(t.lag, t.lagBefore, interval+2*commitDelay), maxLag)
}

// collection prepares a collection. The first one sums up one interval. It also takes
// the older reports in later windows, without summing them up.
func (t taken) collection(now time.Time, expected, interval time.Duration) statsCollection {
	switch {
	case t.at.IsZero():
		counts := now.Add(-interval)
		return statsCollection{was: t, now: now, wide: true, from: now.Add(-max(interval, maxLag)), counts: counts}
	case now.Sub(t.wide) >= wideEvery:
		return t.wideCollection(now)
	}
	from := t.at.Add(-expected)
	return statsCollection{was: t, now: now, from: from, counts: from}
}

func (t taken) wideCollection(now time.Time) statsCollection {
	from := later(t.wide.Add(-maxLag), now.Add(-maxLookBack))
	return statsCollection{was: t, now: now, wide: true, from: from, counts: from}
}

// taken returns the reports taken so far, including this collection's.
func (l *statsCollection) taken() taken {
	t := taken{
		at: l.now, wide: l.was.wide, newest: l.newest, latest: l.latest,
		lag: max(l.lag, l.was.lag), lagBefore: l.was.lagBefore,
	}
	if l.wide {
		t.wide, t.lag, t.lagBefore = l.now, l.lag, l.was.lag
	}
	for agent, at := range l.was.newest {
		if _, new := t.newest[agent]; !new && at.After(t.wide.Add(-maxLag)) {
			t.newest[agent] = at
		}
	}
	return t
}

// readReports sums up the new reports in the window.
func (l *statsCollection) readReports(ctx context.Context, s snapshot) error {
	var agents []id
	var read []time.Time
	for agent, at := range l.was.newest {
		if at.After(l.from) {
			agents, read = append(agents, agent), append(read, at)
		}
	}
	// Reports after this bound, up to was.latest, were ahead of an earlier window and
	// left out then. They do not count now that the window includes them.
	entered := later(l.was.at.Add(maxSkew), s.now)

	l.newest = make(map[id]time.Time)
	var agent id
	var newest time.Time
	var labelled bool
	var row meters.AgentStats
	return s.each(ctx, func() error {
		l.newest[agent] = newest
		l.lag = min(max(l.lag, l.now.Sub(newest)+commitDelay), maxLag)
		if labelled {
			l.stats = append(l.stats, row)
		}
		return nil
	}, []any{
		&agent, &newest, &labelled,
		&row.AgentName, &row.Username, &row.Workspace, &row.RxBytes, &row.TxBytes,
		&row.Connections, &row.MedianLatency,
		&row.SessionsVSCode, &row.SessionsJetBrains, &row.SessionsReconnectingPTY, &row.SessionsSSH,
	}, agentStatsSQL, l.from, l.now.Add(maxSkew), agents, read, l.counts, entered, l.was.latest)
}

// countSkewed counts the new reports outside the window.
func (l *statsCollection) countSkewed(ctx context.Context, s snapshot) error {
	wide := l.was.wide
	if l.wide {
		wide = l.now
	}
	behind := wide.Add(-maxLag)
	after := l.was.latest
	if l.was.at.IsZero() {
		after = behind
	}
	return s.tx.QueryRow(ctx, skewedSQL, after, behind, l.now.Add(maxSkew), maxSkewed).Scan(&l.latest, &l.skewed)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
