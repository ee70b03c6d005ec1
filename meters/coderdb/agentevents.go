package coderdb

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

// connectedAgent is an agent that has connected for the first time.
type connectedAgent struct {
	meters.ConnectedAgent
	Seconds float64 // from its creation
}

// readyBuild is a workspace build all of whose agents are ready.
type readyBuild struct {
	meters.ReadyBuild
	job     id
	Seconds float64 // from its creation
}

// agentEvent identifies an event of an agent, or of a build's agents: an agent that
// restarts is ready again at another time.
type agentEvent struct {
	kind agentEventKind
	id   id    // of the agent, or of the build's job
	at   int64 // Unix microseconds
}

type agentEventKind string

const (
	agentConnected agentEventKind = "connected"
	agentsReady    agentEventKind = "ready"
)

// agentEventsSQL returns the agents that first connected, and the builds whose agents have
// all become ready, after $1, not after $6 unless that is null, and not among $2 (kinds),
// $3 (ids) and $4 (times). $5: the largest number of rows.
//
// Agents that another agent has created count as connected, but a build does not wait for
// them. Deleted agents count, since the end of a later build deletes them, maybe before this
// query. The status is error if a startup script failed. Otherwise it is empty if an agent
// has left the state after its script, for example because it stops.
//
// Infinite times are left out, since they cannot be subtracted.
func (c config) agentEventsSQL(l coderschema.Lacks) string {
	ready, prebuild := "false", "false"
	if c.serves(instrument.TemplateBuildDuration, l) {
		ready, prebuild = "a.ready_at > $1", "b.initiator_id = "+prebuildsUser
	}
	return `
WITH recent AS MATERIALIZED (
	SELECT id, resource_id, name, created_at, first_connected_at, ready_at
	FROM workspace_agents
	WHERE first_connected_at > $1 OR ready_at > $1
), event AS (
	SELECT 'connected' AS kind, a.id, a.first_connected_at AS at, r.job_id, a.name AS agent,
		a.created_at, '' AS status
	FROM recent a
	JOIN workspace_resources r ON r.id = a.resource_id
	WHERE a.first_connected_at > $1
	UNION ALL
	SELECT 'ready', job.id, build.ready_at, job.id, '', NULL, build.status
	FROM (
		SELECT DISTINCT r.job_id AS id
		FROM recent a
		JOIN workspace_resources r ON r.id = a.resource_id
		WHERE ` + ready + `
	) job
	CROSS JOIN LATERAL (
		SELECT max(a.ready_at) AS ready_at, CASE
			WHEN bool_or(a.lifecycle_state = 'start_error') THEN 'error'
			WHEN NOT bool_and(a.lifecycle_state IN ('ready', 'start_timeout')) THEN ''
			WHEN bool_or(a.lifecycle_state = 'start_timeout') THEN 'timeout'
			ELSE 'success'
		END AS status
		FROM workspace_resources r
		JOIN workspace_agents a ON a.resource_id = r.id
		WHERE r.job_id = job.id` + l.Unless("workspace_agents", "parent_id", " AND a.parent_id IS NULL") + `
		HAVING bool_and(a.ready_at IS NOT NULL)
	) build
)
SELECT e.kind, e.id, e.at, e.agent, extract(epoch FROM e.at - coalesce(e.created_at, b.created_at))::float8, e.status,
	b.transition::text, ` + prebuild + `, coalesce(o.name, ''), t.name
FROM event e
JOIN workspace_builds b ON b.job_id = e.job_id
JOIN workspaces w ON w.id = b.workspace_id
JOIN templates t ON t.id = w.template_id
LEFT JOIN organizations o ON o.id = t.organization_id
WHERE e.at > $1 AND ($6::timestamptz IS NULL OR e.at <= $6)
	AND isfinite(e.at) AND isfinite(coalesce(e.created_at, b.created_at))
	AND NOT EXISTS (
		SELECT FROM unnest($2::text[], $3::uuid[], $4::timestamptz[]) AS known(kind, id, at)
		WHERE known.kind = e.kind AND known.id = e.id AND known.at = e.at
	)
ORDER BY e.at, e.kind, e.id
LIMIT $5`
}

// readySQL returns the jobs of the builds whose agents are ready and can restart, the latest
// last. $1: the largest number of rows. Deleted agents do not restart.
func readySQL(l coderschema.Lacks) string {
	return `
SELECT latest.job_id
FROM (
	SELECT r.job_id, max(a.ready_at) AS at
	FROM workspace_agents a
	JOIN workspace_resources r ON r.id = a.resource_id
	WHERE true` + l.Unless("workspace_agents", "parent_id", " AND a.parent_id IS NULL") + l.Unless("workspace_agents", "deleted", " AND NOT a.deleted") + `
	GROUP BY r.job_id
	HAVING bool_and(a.ready_at IS NOT NULL)
	ORDER BY at DESC
	LIMIT $1
) latest
ORDER BY latest.at`
}

func (l *look) readAgentEvents(ctx context.Context, s snapshot, c config, seen known[agentEvent]) error {
	if l.first {
		var build id
		err := s.each(ctx, func() error {
			l.ready = append(l.ready, build)
			return nil
		}, []any{&build}, readySQL(s.missing), maxReady)
		if err != nil {
			return err
		}
	}
	kinds, ids, times := make([]string, 0, len(seen)), make([]id, 0, len(seen)), make([]time.Time, 0, len(seen))
	for e := range seen {
		kinds, ids, times = append(kinds, string(e.kind)), append(ids, e.id), append(times, time.UnixMicro(e.at))
	}
	var event agentEvent
	var at time.Time
	var agent string
	var seconds float64
	var build meters.ReadyBuild
	rows := 0
	err := s.each(ctx, func() error {
		rows++
		event.at = at.UnixMicro()
		l.knownAgents[event] = at
		switch event.kind {
		case agentConnected:
			if seconds >= 0 { // else the clocks of two replicas differ
				connected := meters.ConnectedAgent{AgentName: agent, TemplateName: build.TemplateName}
				l.events.Connected = append(l.events.Connected, connectedAgent{connected, seconds})
			}
		case agentsReady:
			l.events.Ready = append(l.events.Ready, readyBuild{build, event.id, max(seconds, 0)})
		}
		return nil
	}, []any{
		&event.kind, &event.id, &at, &agent, &seconds, &build.Status,
		&build.Transition, &build.Prebuild, &build.OrganizationName, &build.TemplateName,
	}, c.agentEventsSQL(s.missing), l.agents.after, kinds, ids, times, maxEvents, l.end)
	if rows == maxEvents {
		l.agents.full(at)
	}
	return err
}

// maxReady is the largest number of builds that [readyBuilds] remembers.
const maxReady = 100_000

// readyBuilds are the builds whose agents became ready last, by their jobs. They distinguish
// a build that becomes ready from a build with an agent that restarts.
type readyBuilds struct {
	known map[id]bool
	order []id // of known, in a ring
	next  int  // the oldest in order, once that is full
}

// add adds a build, and reports whether it is new.
func (r *readyBuilds) add(build id) bool {
	if r.known[build] {
		return false
	}
	if r.known == nil {
		r.known = make(map[id]bool)
	}
	r.known[build] = true
	if len(r.order) < maxReady {
		r.order = append(r.order, build)
		return true
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = build
	r.next = (r.next + 1) % maxReady
	return true
}
