package meters

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// AgentsSource lists the workspaces that are not deleted, including those without
// agents, each with the agents of its latest build.
type AgentsSource interface {
	Agents(ctx context.Context) ([]Workspace, error)
}

// Workspace is a workspace with the agents of its latest build.
type Workspace struct {
	Name     string
	Username string // the owner's
	Template string
	Agents   []Agent
}

// Agent is the state of a workspace agent.
type Agent struct {
	Name        string
	Status      AgentStatus
	Lifecycle   AgentLifecycle
	TailnetNode string // "nodeid:" and 16 hex digits; empty if unknown
	Latencies   []RegionLatency
	Apps        []AgentApp
	// StartupScript is the result of the startup script of the current start; nil if
	// the script has not ended, if the result is unknown, or if it is reported through
	// [Forwarded].
	StartupScript *StartupScript
}

// StartupScript is a startup script that has ended.
type StartupScript struct {
	Seconds float64 // its duration
	Success bool
}

// AgentStatus is the connection status of an agent.
type AgentStatus string

// The statuses of an agent.
const (
	AgentConnecting   AgentStatus = "connecting"
	AgentConnected    AgentStatus = "connected"
	AgentDisconnected AgentStatus = "disconnected"
	AgentTimeout      AgentStatus = "timeout"
)

// AgentLifecycle is the lifecycle state that an agent reports.
type AgentLifecycle string

// The lifecycle states of an agent.
const (
	LifecycleCreated         AgentLifecycle = "created"
	LifecycleStarting        AgentLifecycle = "starting"
	LifecycleStartTimeout    AgentLifecycle = "start_timeout"
	LifecycleStartError      AgentLifecycle = "start_error"
	LifecycleReady           AgentLifecycle = "ready"
	LifecycleShuttingDown    AgentLifecycle = "shutting_down"
	LifecycleShutdownTimeout AgentLifecycle = "shutdown_timeout"
	LifecycleShutdownError   AgentLifecycle = "shutdown_error"
	LifecycleOff             AgentLifecycle = "off"
)

// RegionLatency is an agent's latency to one relay (DERP) region.
type RegionLatency struct {
	Region    string  // its name, or "Unnamed <id>"
	Preferred bool    // the agent's home region
	Seconds   float64 // latency in seconds
}

// AgentApp is an application of an agent.
type AgentApp struct {
	DisplayName string
	Health      AppHealth
}

// AppHealth is the health of an application.
type AppHealth string

// The health states of an application.
const (
	AppDisabled     AppHealth = "disabled"
	AppInitializing AppHealth = "initializing"
	AppHealthy      AppHealth = "healthy"
	AppUnhealthy    AppHealth = "unhealthy"
)

// agents also measures the duration of each of its collections, failed or not, including
// the time to build the snapshot.
func agents(out *output, c config, source AgentsSource, refused sourceRefusals) collector {
	execution := out.histogram(instrument.CollectorAgentsExecution)
	sets := newLabelSets(c.edition)
	noLabels := c.edition.Labels(instrument.CollectorAgentsExecution, instrument.NoLabels{})
	return collector{
		name: "agents",
		families: []instrument.Family{
			instrument.AgentsUp,
			instrument.AgentsConnections,
			instrument.AgentsConnectionLatencies,
			instrument.AgentsApps,
			instrument.AgentStatsStartupScript,
		},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			started := time.Now()
			defer func() { execution.record(ctx, time.Since(started).Seconds(), noLabels) }()
			workspaces, err := source.Agents(ctx)
			if err != nil && !partial(err) {
				return snapshot{}, 0, err
			}
			rows := len(workspaces)
			for _, w := range workspaces {
				rows += len(w.Agents)
				for _, a := range w.Agents {
					rows += len(a.Latencies) + len(a.Apps)
				}
			}
			return agentsSnapshot(workspaces, c, sets, refused), rows, err
		},
	}
}

// agentsSnapshot merges workspaces, agents, latencies and apps with equal labels, and
// aggregates startup scripts by the labels of [WithAggregateBy]. A refused value leaves out only its own
// series; the agent is still counted.
func agentsSnapshot(workspaces []Workspace, c config, sets *labelSets, refused sourceRefusals) snapshot {
	defer sets.collected()
	var size struct{ agents, latencies, apps, scripts int }
	for _, w := range workspaces {
		size.agents += len(w.Agents)
		for _, a := range w.Agents {
			size.latencies += len(a.Latencies)
			size.apps += len(a.Apps)
			if a.StartupScript != nil {
				size.scripts++
			}
		}
	}
	up := make(map[instrument.WorkspaceAgents]float64, len(workspaces))
	connections := make(map[instrument.AgentConnection]float64, size.agents)
	latencies := make(map[instrument.AgentLatency]float64, size.latencies)
	apps := make(map[instrument.AgentApp]float64, size.apps)
	scripts := make(map[instrument.AgentScript]float64, size.scripts)
	kept := newKeptLabels(c)

	for _, w := range workspaces {
		template, username, workspace := refused.text(w.Template), refused.text(w.Username), refused.text(w.Name)
		up[instrument.WorkspaceAgents{TemplateName: template, Username: username, WorkspaceName: workspace}] += float64(len(w.Agents))
		for _, a := range w.Agents {
			agent := instrument.Agent{AgentName: refused.text(a.Name), Username: username, WorkspaceName: workspace}
			if refused.documented(a.Status.documented() && a.Lifecycle.documented()) {
				connections[instrument.AgentConnection{
					Agent:          agent,
					LifecycleState: string(a.Lifecycle),
					Status:         string(a.Status),
					TailnetNode:    tailnetNode(a.TailnetNode),
				}]++
			}
			for _, l := range a.Latencies {
				if refused.valid(l.Seconds) {
					latency := instrument.AgentLatency{Agent: agent, DERPRegion: refused.text(l.Region), Preferred: l.Preferred}
					latencies[latency] = max(latencies[latency], l.Seconds)
				}
			}
			for _, app := range a.Apps {
				if refused.documented(app.Health.documented()) {
					apps[instrument.AgentApp{Agent: agent, AppName: refused.text(app.DisplayName), Health: string(app.Health)}]++
				}
			}
			if s := a.StartupScript; s != nil && refused.valid(s.Seconds) {
				scripts[kept.merge(instrument.AgentScript{Agent: agent, Success: s.Success, TemplateName: template})] += s.Seconds
			}
		}
	}

	samples := make([]sample, 0, len(up)+len(connections)+len(latencies)+len(apps))
	samples = appendSamples(sets, samples, instrument.AgentsUp, up)
	samples = appendSamples(sets, samples, instrument.AgentsConnections, connections)
	samples = appendSamples(sets, samples, instrument.AgentsConnectionLatencies, latencies)
	samples = appendSamples(sets, samples, instrument.AgentsApps, apps)
	workspaceSamples := make([]sample, 0, len(scripts))
	for script, seconds := range scripts {
		labels := kept.labels(instrument.AgentStatsStartupScript, script)
		workspaceSamples = append(workspaceSamples, sample{instrument.AgentStatsStartupScript, labels, seconds})
	}
	return snapshot{instrument.Deployment: samples, instrument.Workspaces: workspaceSamples}
}

// tailnetNode returns node if it has the documented format, otherwise unknown.
func tailnetNode(node string) string {
	digits, ok := strings.CutPrefix(node, "nodeid:")
	if _, err := strconv.ParseUint(digits, 16, 64); !ok || len(digits) != 16 || err != nil {
		return "unknown"
	}
	return node
}

func (s AgentStatus) documented() bool {
	switch s {
	case AgentConnecting, AgentConnected, AgentDisconnected, AgentTimeout:
		return true
	}
	return false
}

func (l AgentLifecycle) documented() bool {
	switch l {
	case LifecycleCreated, LifecycleStarting, LifecycleStartTimeout, LifecycleStartError, LifecycleReady,
		LifecycleShuttingDown, LifecycleShutdownTimeout, LifecycleShutdownError, LifecycleOff:
		return true
	}
	return false
}

func (h AppHealth) documented() bool {
	switch h {
	case AppDisabled, AppInitializing, AppHealthy, AppUnhealthy:
		return true
	}
	return false
}
