package coderschema

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

// Unserved returns the families that are not read from a database that lacks
// columns, or that options leave out.
func Unserved(l Lacks, off []instrument.Family) map[instrument.Family]Reason {
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
	for _, f := range off {
		reasons[f] = Off
	}
	return reasons
}

// OfParameters returns the families of what users typed as parameters of workspaces.
func OfParameters() []instrument.Family { return []instrument.Family{instrument.InsightsParameters} }

// OfAgentStats returns the families of what agents report of themselves.
func OfAgentStats() []instrument.Family {
	return []instrument.Family{
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
	}
}
