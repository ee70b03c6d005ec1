package coderdb

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters"
)

// agents is the source of agents. It keeps the outcomes of the agents' starts between
// collections.
type agents struct {
	db      *DB
	starts  starts // of the agents of the latest collection
	noPeers bool   // logged that tailnet_peers has no connected agent
}

// workspacesSQL returns each workspace with the job of its latest build, which is null
// without a build, and in the edition Coder with the build's version.
func workspacesSQL(e instrument.Edition) string {
	var column, join string
	if e == instrument.Coder {
		column = ", coalesce(v.name, '')"
		join = "\nLEFT JOIN template_versions v ON v.id = b.template_version_id"
	}
	return `
SELECT w.name, u.username, t.name, b.job_id` + column + `
FROM workspaces w
JOIN users u ON u.id = w.owner_id
JOIN templates t ON t.id = w.template_id
LEFT JOIN (
	SELECT workspace_id, max(build_number) AS build_number
	FROM workspace_builds
	GROUP BY workspace_id
) latest ON latest.workspace_id = w.id
LEFT JOIN workspace_builds b ON b.workspace_id = latest.workspace_id AND b.build_number = latest.build_number` + join + `
WHERE NOT w.deleted`
}

// agentsSQL returns the agents of jobs. It is a separate query because the planner
// would otherwise join the agents of all past builds. $1: jobs; $2: now; $3: agents
// without a heartbeat since then are inactive.
func agentsSQL(l coderschema.Lacks) string {
	return `
SELECT r.job_id, a.id, a.name, a.lifecycle_state::text,
	CASE
		WHEN a.first_connected_at IS NULL THEN CASE
			WHEN a.connection_timeout_seconds > 0
				AND a.created_at < $2::timestamptz - make_interval(secs => a.connection_timeout_seconds) THEN 'timeout'
			ELSE 'connecting'
		END
		WHEN a.disconnected_at >= a.last_connected_at THEN 'disconnected'
		WHEN a.last_connected_at >= $3::timestamptz THEN 'connected'
		ELSE 'disconnected'
	END,
	extract(epoch FROM a.started_at)::float8,
	CASE WHEN isfinite(a.ready_at) AND isfinite(a.started_at) THEN extract(epoch FROM a.ready_at - a.started_at)::float8 END
FROM unnest($1::uuid[]) AS j(id)
JOIN workspace_resources r ON r.job_id = j.id
JOIN workspace_agents a ON a.resource_id = r.id` + l.Unless("workspace_agents", "deleted", " AND NOT a.deleted")
}

// $1: agents.
const appsSQL = `
SELECT p.agent_id, coalesce(p.display_name, ''), p.health::text
FROM unnest($1::uuid[]) AS a(id)
JOIN workspace_apps p ON p.agent_id = a.id`

// peersSQL returns the newest node of each agent, or null if the node is too large:
// agents are not trusted. $1: agents; $2: the largest size in bytes.
const peersSQL = `
SELECT DISTINCT ON (p.id) p.id, CASE WHEN octet_length(p.node) <= $2 THEN p.node END
FROM unnest($1::uuid[]) AS a(id)
JOIN tailnet_peers p ON p.id = a.id
ORDER BY p.id, p.updated_at DESC, p.node`

// Agents implements [meters.AgentsSource].
func (a *agents) Agents(ctx context.Context) ([]meters.Workspace, error) {
	var fleet fleet
	err := a.db.read(ctx, "agents", func(ctx context.Context, s snapshot) error {
		fleet = newFleet(a.db.regions)
		if err := fleet.readWorkspaces(ctx, s); err != nil {
			return err
		}
		if err := fleet.readAgents(ctx, s, a.db.config, a.starts); err != nil {
			return err
		}
		if _, err := s.part(ctx, func() error { return fleet.readApps(ctx, s) }); err != nil {
			return err
		}
		if !a.db.serves(instrument.AgentsConnectionLatencies, s.missing) {
			return nil
		}
		if err := fleet.readPeers(ctx, s); err != nil {
			return err
		}
		a.reportPeers(fleet.connected, fleet.peers)
		return nil
	})
	if failed(err) {
		return nil, err
	}
	a.starts = fleet.starts
	return fleet.workspaces, err
}

// reportPeers logs when no connected agent has a peer, and when agents have peers
// again. Without Coder's high-availability license, a Coder server keeps the peers
// in memory and not in the database.
func (a *agents) reportPeers(connected, peers int) {
	switch {
	case peers == 0 && connected > 0 && !a.noPeers:
		a.noPeers = true
		a.db.logger.Warn("tailnet_peers has no connected agent: Coder fills it only with its high-availability license",
			"so", "tailnet nodes and connection latencies of agents are unknown: keep "+
				instrument.AgentsConnectionLatencies.String()+" and "+instrument.AgentsConnections.String()+" from Coder's own endpoint")
	case peers > 0 && a.noPeers:
		a.noPeers = false
		a.db.logger.Info("tailnet_peers has agents: their tailnet nodes and connection latencies are known")
	}
}

// fleet is the result of a collection, with indexes by job and by agent.
type fleet struct {
	workspaces []meters.Workspace
	jobs       []id       // of the latest builds
	built      map[id]int // index of the workspace that a job built
	agents     []id
	index      map[id]agentIndex
	regions    map[int]string
	starts     starts
	connected  int // agents
	peers      int // agents with a row in tailnet_peers
}

// agentIndex is the index of an agent's workspace, and of the agent within it.
type agentIndex struct{ workspace, agent int }

func newFleet(regions map[int]string) fleet {
	return fleet{built: make(map[id]int), index: make(map[id]agentIndex), regions: regions, starts: make(starts)}
}

func (f *fleet) agent(agent id) *meters.Agent {
	i := f.index[agent]
	return &f.workspaces[i.workspace].Agents[i.agent]
}

func (f *fleet) readWorkspaces(ctx context.Context, s snapshot) error {
	var job id
	var w meters.Workspace
	columns := []any{&w.Name, &w.Username, &w.Template, &job}
	if s.edition == instrument.Coder {
		columns = append(columns, &w.TemplateVersion)
	}
	return s.each(ctx, func() error {
		if job.Valid {
			f.built[job] = len(f.workspaces)
			f.jobs = append(f.jobs, job)
		}
		f.workspaces = append(f.workspaces, w)
		return nil
	}, columns, workspacesSQL(s.edition))
}

// readAgents reads the agents of the latest builds. before has the starts of the
// previous collection.
func (f *fleet) readAgents(ctx context.Context, s snapshot, c config, before starts) error {
	var job, agent id
	var a meters.Agent
	var began, took *float64
	scripts := c.serves(instrument.AgentStatsStartupScript, s.missing)
	return s.each(ctx, func() error {
		a.StartupScript = nil
		if scripts {
			if start, ok := before.next(agent, a.Lifecycle, began, took); ok {
				f.starts[agent] = start
				a.StartupScript = &start.script
			}
		}
		i := f.built[job]
		if a.Status == meters.AgentConnected {
			f.connected++
		}
		f.index[agent] = agentIndex{i, len(f.workspaces[i].Agents)}
		f.agents = append(f.agents, agent)
		f.workspaces[i].Agents = append(f.workspaces[i].Agents, a)
		return nil
	}, []any{&job, &agent, &a.Name, &a.Lifecycle, &a.Status, &began, &took},
		agentsSQL(s.missing), f.jobs, s.now, s.now.Add(-c.inactivityTimeout))
}

func (f *fleet) readApps(ctx context.Context, s snapshot) error {
	var agent id
	var app meters.AgentApp
	return s.each(ctx, func() error {
		a := f.agent(agent)
		a.Apps = append(a.Apps, app)
		return nil
	}, []any{&agent, &app.DisplayName, &app.Health}, appsSQL, f.agents)
}

func (f *fleet) readPeers(ctx context.Context, s snapshot) error {
	var agent id
	var node []byte
	return s.each(ctx, func() error {
		f.peers++
		n, ok := decodeNode(node)
		if !ok {
			return nil
		}
		a := f.agent(agent)
		a.TailnetNode, a.Latencies = n.name(), n.latencies(f.regions)
		return nil
	}, []any{&agent, &node}, peersSQL, f.agents, maxNodeSize)
}
