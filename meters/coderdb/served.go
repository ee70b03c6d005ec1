package coderdb

import "github.com/otelcoder/otelcoder/instrument"

// Reason is why a family is not served.
type Reason string

// The reasons.
const (
	// Off: an option leaves the family out.
	Off Reason = "off"
	// Missing: the schema of the database lacks what the family needs.
	Missing Reason = "missing"
)

// serves tells whether a family is read from a database that lacks columns.
func (c config) serves(f instrument.Family, l lacks) bool {
	_, not := c.unserved(l)[f]
	return !not
}

// unserved returns the families that are not read from a database that lacks
// columns.
func (c config) unserved(l lacks) map[instrument.Family]Reason {
	reasons := make(map[instrument.Family]Reason)
	for _, t := range tables {
		for _, o := range t.Optional {
			if len(l.of(t, o)) == 0 {
				continue
			}
			for _, f := range o.Families {
				reasons[f] = Missing
			}
		}
	}
	for _, f := range c.off() {
		reasons[f] = Off
	}
	return reasons
}

// off returns the families that options leave out.
func (c config) off() []instrument.Family {
	var off []instrument.Family
	if !c.parameters {
		off = append(off, instrument.InsightsParameters)
	}
	if !c.agentStats {
		off = append(off,
			instrument.AgentScriptsExecuted,
			instrument.AgentStatsConnections,
			instrument.AgentStatsMedianLatency,
			instrument.AgentStatsRx,
			instrument.AgentStatsSessionsJetBrains,
			instrument.AgentStatsSessionsReconnectingPTY,
			instrument.AgentStatsSessionsSSH,
			instrument.AgentStatsSessionsVSCode,
			instrument.AgentStatsStartupScript,
			instrument.AgentStatsTx,
		)
	}
	return off
}
