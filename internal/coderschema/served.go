package coderschema

import "github.com/otelcoder/otelcoder/instrument"

// Reason is the reason for which a family is not served.
type Reason string

// The reasons.
const (
	// Off: an option leaves the family out.
	Off Reason = "off"
	// Missing: the database lacks columns that the family needs.
	Missing Reason = "missing"
)

// Unserved returns the families of an edition that are not read from a database, because it
// lacks columns or because options leave them out (off).
func Unserved(e instrument.Edition, l Lacks, off []instrument.Family) map[instrument.Family]Reason {
	reasons := make(map[instrument.Family]Reason)
	for _, t := range Tables(e) {
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

// OfParameters returns the families of the values of workspace parameters.
func OfParameters() []instrument.Family { return []instrument.Family{instrument.InsightsParameters} }

// OfAgentStats returns the families of the data that agents report.
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
