package meters

import "github.com/otelcoder/otelcoder/instrument"

// AgentStarts measures the starts of workspace agents, in the edition [instrument.Coder]:
// the time to their first connection, as coderd_agents_first_connection_seconds, and the
// time until all agents of a workspace build are ready, as
// coderd_template_workspace_build_duration_seconds.
//
// Each family has at most 10,000 label sets ([WithMaxSeries]); times of further ones are
// refused. Refusals are counted in otelcoder_refused_total, origin "agent_starts": an
// unknown transition ("transition") or status ("status"), a time that is negative, infinite
// or NaN ("value"), a label set beyond the limit ("limit"), and a truncated label value
// ("length").
type AgentStarts struct {
	refused     refusals[agentStartRefusal]
	text        labelText
	connections *times[instrument.ConnectedAgent]
	builds      *times[instrument.ReadyBuild]
}

type agentStartRefusal string

const (
	agentStartTransition agentStartRefusal = "transition"
	agentStartStatus     agentStartRefusal = "status"
	agentStartSeconds    agentStartRefusal = "value"
	agentStartLimit      agentStartRefusal = "limit"
	agentStartLength     agentStartRefusal = "length"
)

func newAgentStarts(c config, out *output) *AgentStarts {
	refused := newRefusals(out, c, "agent_starts",
		agentStartTransition, agentStartStatus, agentStartSeconds, agentStartLimit, agentStartLength)
	invalid, exceeded := refused.adder(agentStartSeconds), refused.adder(agentStartLimit)
	return &AgentStarts{
		refused: refused, text: c.labelText(refused.adder(agentStartLength)),
		connections: newTimes[instrument.ConnectedAgent](c, out, instrument.AgentsFirstConnection, invalid, exceeded),
		builds:      newTimes[instrument.ReadyBuild](c, out, instrument.TemplateBuildDuration, invalid, exceeded),
	}
}

// ConnectedAgent describes an agent that has connected.
type ConnectedAgent struct {
	AgentName    string
	TemplateName string
}

// Connected records the time from the creation of an agent to its first connection, in
// seconds. It must be called once for each agent, also for agents that another agent has
// created.
func (s *AgentStarts) Connected(agent ConnectedAgent, seconds float64) {
	s.connections.record(seconds, instrument.ConnectedAgent{
		AgentName: s.text(agent.AgentName), TemplateName: s.text(agent.TemplateName),
	})
}

// ReadyBuild describes a workspace build whose agents are ready.
type ReadyBuild struct {
	Transition       Transition
	Prebuild         bool // initiated by the user prebuilds
	OrganizationName string
	TemplateName     string
	Status           StartStatus
}

// StartStatus is the status of the startup scripts of a build's agents.
type StartStatus string

// The statuses.
const (
	StartSucceeded StartStatus = "success"
	StartFailed    StartStatus = "error"   // a startup script failed
	StartTimedOut  StartStatus = "timeout" // a startup script exceeded its time limit, and none failed
)

// Ready records the time from the creation of a workspace build until all its agents,
// without agents that these have created, have executed their startup scripts, in seconds.
// It must be called once for each build, not again when an agent restarts.
func (s *AgentStarts) Ready(build ReadyBuild, seconds float64) {
	if !build.Transition.documented() {
		s.refused.add(agentStartTransition)
		return
	}
	switch build.Status {
	case StartSucceeded, StartFailed, StartTimedOut:
	default:
		s.refused.add(agentStartStatus)
		return
	}
	s.builds.record(seconds, instrument.ReadyBuild{
		IsPrebuild:       build.Prebuild,
		OrganizationName: s.text(build.OrganizationName),
		Status:           string(build.Status),
		TemplateName:     s.text(build.TemplateName),
		Transition:       string(build.Transition),
	})
}
