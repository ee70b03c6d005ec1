package coderdb

import (
	"cmp"
	"slices"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// agentFamilies are the families of the source agents.
var agentFamilies = []instrument.Family{
	instrument.AgentsApps,
	instrument.AgentsConnectionLatencies,
	instrument.AgentsConnections,
	instrument.AgentsUp,
	instrument.AgentStatsStartupScript,
}

var agentStatsFamilies = []instrument.Family{
	instrument.AgentStatsConnections,
	instrument.AgentStatsMedianLatency,
	instrument.AgentStatsRx,
	instrument.AgentStatsSessionsJetBrains,
	instrument.AgentStatsSessionsReconnectingPTY,
	instrument.AgentStatsSessionsSSH,
	instrument.AgentStatsSessionsVSCode,
	instrument.AgentStatsTx,
}

var insightsFamilies = []instrument.Family{
	instrument.InsightsApplicationsUsage,
	instrument.InsightsParameters,
	instrument.InsightsTemplatesActiveUsers,
}

var countFamilies = []instrument.Family{
	instrument.APIActiveUsers,
	instrument.APIWorkspaceLatestBuild,
	instrument.ProvisionerdJobsCurrent,
}

// coderFamilies are the families of state that only the edition Coder has, or that have other
// labels there.
var coderFamilies = []instrument.Family{
	instrument.AgentsUp,
	instrument.APITotalUserCount,
	instrument.APIWorkspaceLatestBuild,
	instrument.ProvisionerDaemons,
	instrument.WorkspaceLatestBuildStatus,
}

// TestGolden compares the families of each source with golden files. The restricted role
// reads the database.
func TestGolden(t *testing.T) {
	regions := WithRegionNames(map[int]string{1: "Frankfurt", 2: `Quo"ted`})
	const documented, coder = instrument.Documented, instrument.Coder
	for _, test := range []struct {
		name     string
		edition  instrument.Edition
		rows     []string
		families []instrument.Family
		want     string
		without  string // golden file of the version that lacks columns, if it differs
	}{
		{"agents", documented, []string{"fleet.sql"}, agentFamilies, "agents.txt", "agents_without.txt"},
		{"counts", documented, []string{"fleet.sql"}, countFamilies, "counts.txt", ""},
		{"agent stats", documented, []string{"fleet.sql", "agentstats.sql"}, agentStatsFamilies, "agentstats.txt", ""},
		{"insights", documented, []string{"fleet.sql", "insights.sql"}, insightsFamilies, "insights.txt", ""},
		{"coder", coder, []string{"fleet.sql", "coder.sql"}, coderFamilies, "coder.txt", "coder_without.txt"},
		{"coder insights", coder, []string{"fleet.sql", "insights.sql"}, insightsFamilies, "insights_coder.txt", ""},
	} {
		for _, version := range []string{"newest", "without"} {
			t.Run(test.name+"/"+version, func(t *testing.T) {
				scripts, want := slices.Concat([]string{"schema.sql"}, test.rows), test.want
				if version == "without" {
					scripts, want = append(scripts, "without.sql"), cmp.Or(test.without, want)
				}
				_, url := newDatabaseOf(t, test.edition, scripts...)
				db := open(t, url, WithEdition(test.edition), regions, WithLogger(testLogger(t)))
				compare(t, exposition(t, db.Sources(), test.families...), read(t, want))
			})
		}
	}
}
