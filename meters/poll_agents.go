package meters

import (
	"cmp"
	"context"
	"strconv"
	"strings"

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
	// TemplateVersion is the name of the latest build's version, for the edition Coder;
	// empty if there is no build.
	TemplateVersion string
	Agents          []Agent
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

func agents(out *output, c config, source AgentsSource, refused sourceRefusals) collector {
	series := newAgentsSeries(c)
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
		collect: timed(out, c, instrument.CollectorAgentsExecution, func(ctx context.Context) (snapshot, int, error) {
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
			return series.snapshot(workspaces, refused), rows, err
		}),
	}
}

// agentsSeries are the series of [AgentsSource].
type agentsSeries struct {
	edition     instrument.Edition
	up          *merged[instrument.WorkspaceAgents]
	connections *merged[instrument.AgentConnection]
	latencies   *merged[instrument.AgentLatency]
	apps        *merged[instrument.AgentApp]
	scripts     *merged[instrument.AgentScript]
}

func newAgentsSeries(c config) *agentsSeries {
	return &agentsSeries{
		edition:     c.edition,
		up:          newMerged[instrument.WorkspaceAgents](c, instrument.AgentsUp),
		connections: newMerged[instrument.AgentConnection](c, instrument.AgentsConnections),
		latencies:   newMerged[instrument.AgentLatency](c, instrument.AgentsConnectionLatencies),
		apps:        newMerged[instrument.AgentApp](c, instrument.AgentsApps),
		scripts:     newMerged[instrument.AgentScript](c, instrument.AgentStatsStartupScript, c.droppedLabels()...),
	}
}

// snapshot merges workspaces, agents, latencies and apps with equal labels, and
// aggregates startup scripts by the labels of [WithAggregateBy]. A refused value leaves out
// only its own series; the agent is still counted. A workspace without agents has the
// value 0 in the edition Documented, and no series in later ones.
func (s *agentsSeries) snapshot(workspaces []Workspace, refused sourceRefusals) snapshot {
	for _, w := range workspaces {
		template, username, workspace := refused.text(w.Template), refused.text(w.Username), refused.text(w.Name)
		if len(w.Agents) > 0 || s.edition == instrument.Documented {
			s.up.add(instrument.WorkspaceAgents{
				TemplateName:    template,
				TemplateVersion: cmp.Or(refused.text(w.TemplateVersion), unknownVersion),
				Username:        username,
				WorkspaceName:   workspace,
			}, float64(len(w.Agents)))
		}
		for _, a := range w.Agents {
			agent := instrument.Agent{AgentName: refused.text(a.Name), Username: username, WorkspaceName: workspace}
			if refused.documented(a.Status.documented() && a.Lifecycle.documented()) {
				s.connections.add(instrument.AgentConnection{
					Agent:          agent,
					LifecycleState: string(a.Lifecycle),
					Status:         string(a.Status),
					TailnetNode:    tailnetNode(a.TailnetNode),
				}, 1)
			}
			for _, l := range a.Latencies {
				if refused.valid(l.Seconds) {
					s.latencies.raise(instrument.AgentLatency{Agent: agent, DERPRegion: refused.text(l.Region), Preferred: l.Preferred}, l.Seconds)
				}
			}
			for _, app := range a.Apps {
				if refused.documented(app.Health.documented()) {
					s.apps.add(instrument.AgentApp{Agent: agent, AppName: refused.text(app.DisplayName), Health: string(app.Health)}, 1)
				}
			}
			if script := a.StartupScript; script != nil && refused.valid(script.Seconds) {
				s.scripts.add(instrument.AgentScript{Agent: agent, Success: script.Success, TemplateName: template}, script.Seconds)
			}
		}
	}

	samples := make([]sample, 0, s.up.size()+s.connections.size()+s.latencies.size()+s.apps.size())
	samples = s.up.appendTo(samples)
	samples = s.connections.appendTo(samples)
	samples = s.latencies.appendTo(samples)
	samples = s.apps.appendTo(samples)
	return snapshot{instrument.Deployment: samples, instrument.Workspaces: s.scripts.appendTo(nil)}
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
