package meters

import (
	"context"
	"slices"

	"github.com/otelcoder/otelcoder/instrument"
)

// AgentStatsSource aggregates the reports of agents since the previous successful call,
// one row for each agent. The first call covers one interval.
type AgentStatsSource interface {
	AgentStats(ctx context.Context) ([]AgentStats, error)
}

// skewedSource is an AgentStatsSource that leaves out reports with time stamps too far
// from the current time, such as that of coderdb. They are counted in
// otelcoder_refused_total, origin "source", reason "skew".
type skewedSource interface {
	// SkewedReports returns the number of reports left out by the latest successful call
	// of AgentStats. It is called after AgentStats by the same goroutine.
	SkewedReports() int
}

// AgentStats are the statistics of one agent for one collection.
type AgentStats struct {
	AgentName string
	Username  string
	Workspace string

	RxBytes, TxBytes int64 // bytes since the previous collection

	// From the agent's newest report:
	Connections             int64
	MedianLatency           float64 // seconds
	SessionsVSCode          int64
	SessionsJetBrains       int64
	SessionsReconnectingPTY int64
	SessionsSSH             int64
}

func agentStats(out *output, c config, source AgentStatsSource, refused sourceRefusals) collector {
	// The label sets are those of all families.
	agents := newKeptSeries[instrument.Agent, agentStatsValues](c, instrument.AgentStatsRx, c.droppedLabels()...)
	return collector{
		name:     "agent_stats",
		families: agentStatsFamilies(),
		interval: c.interval,
		collect: timed(out, c, instrument.CollectorAgentStatsExecution, func(ctx context.Context) (snapshot, int, error) {
			rows, err := source.AgentStats(ctx)
			if err != nil {
				return snapshot{}, 0, err
			}
			if skewed, ok := source.(skewedSource); ok {
				refused.addMany(refusedSkew, skewed.SkewedReports())
			}
			return snapshot{instrument.Deployment: agentStatsSamples(rows, agents, refused)}, len(rows), nil
		}),
	}
}

// agentStatsFamilies returns the families in the order of agentStatsValues.
func agentStatsFamilies() []instrument.Family {
	return []instrument.Family{
		instrument.AgentStatsRx,
		instrument.AgentStatsTx,
		instrument.AgentStatsConnections,
		instrument.AgentStatsSessionsVSCode,
		instrument.AgentStatsSessionsJetBrains,
		instrument.AgentStatsSessionsReconnectingPTY,
		instrument.AgentStatsSessionsSSH,
		instrument.AgentStatsMedianLatency,
	}
}

type agentStatsValues [8]float64

// latencyIndex is the index of the median latency, the only value that is not summed.
const latencyIndex = 7

func (s AgentStats) values() agentStatsValues {
	return agentStatsValues{
		float64(s.RxBytes),
		float64(s.TxBytes),
		float64(s.Connections),
		float64(s.SessionsVSCode),
		float64(s.SessionsJetBrains),
		float64(s.SessionsReconnectingPTY),
		float64(s.SessionsSSH),
		s.MedianLatency,
	}
}

func (v agentStatsValues) merge(other agentStatsValues) agentStatsValues {
	latency := max(v[latencyIndex], other[latencyIndex])
	for i := range v {
		v[i] += other[i]
	}
	v[latencyIndex] = latency
	return v
}

// agentStatsSamples aggregates rows by the labels of [WithAggregateBy]. A row with an
// invalid value is left out completely, so that all families cover the same agents.
func agentStatsSamples(rows []AgentStats, agents *keptSeries[instrument.Agent, agentStatsValues], refused sourceRefusals) []sample {
	for _, row := range rows {
		values := row.values()
		if slices.ContainsFunc(values[:], func(v float64) bool { return !refused.valid(v) }) {
			continue
		}
		merged := agents.value(instrument.Agent{
			AgentName:     refused.text(row.AgentName),
			Username:      refused.text(row.Username),
			WorkspaceName: refused.text(row.Workspace),
		})
		*merged = merged.merge(values)
	}

	families := agentStatsFamilies()
	samples := make([]sample, 0, len(agents.byKey)*len(families))
	agents.collected(func(labels instrument.Labels, values agentStatsValues) {
		for i, f := range families {
			samples = append(samples, sample{f, labels, values[i]})
		}
	})
	return samples
}
