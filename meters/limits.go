package meters

import "github.com/otelcoder/otelcoder/instrument"

// The limits of what outsiders can make more of. A deployment of 100,000
// workspaces does not meet them. docs/limits.md tells what happens beyond.
const (
	defaultMaxPaths       = 1_000
	defaultMaxLabelLength = 1_024 // bytes
)

// maxSeries is how many series of a family there may be.
func (c config) maxSeries(f instrument.Family) int {
	if n, ok := c.seriesLimits[f]; ok {
		return n
	}
	switch f {
	case instrument.WorkspaceBuilds:
		return 100_000
	case instrument.AgentScriptsExecuted, instrument.AgentStatsStartupScript:
		return 200_000 // of success and failure, of each of 100,000 agents
	case instrument.OAuth2Requests, instrument.OAuth2RateLimitTotal:
		return 10_000
	}
	return 1_000_000 // ten of each of 100,000 workspaces
}
