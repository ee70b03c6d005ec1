package coderdb

import (
	"cmp"
	"slices"
	"testing"
)

// agentFamilies are fed by the agents source.
var agentFamilies = []string{
	"coderd_agents_apps",
	"coderd_agents_connection_latencies_seconds",
	"coderd_agents_connections",
	"coderd_agents_up",
	"coderd_agentstats_startup_script_seconds",
}

var agentStatsFamilies = []string{
	"coderd_agentstats_connection_count",
	"coderd_agentstats_connection_median_latency_seconds",
	"coderd_agentstats_rx_bytes",
	"coderd_agentstats_session_count_jetbrains",
	"coderd_agentstats_session_count_reconnecting_pty",
	"coderd_agentstats_session_count_ssh",
	"coderd_agentstats_session_count_vscode",
	"coderd_agentstats_tx_bytes",
}

var insightsFamilies = []string{
	"coderd_insights_applications_usage_seconds",
	"coderd_insights_parameters",
	"coderd_insights_templates_active_users",
}

var countFamilies = []string{
	"coderd_api_active_users_duration_hour",
	"coderd_api_workspace_latest_build_total",
	"coderd_provisionerd_jobs_current",
}

// TestGolden compares what is served with what follows from the rows by the
// rules, read by the restricted role.
func TestGolden(t *testing.T) {
	regions := WithRegionNames(map[int]string{1: "Frankfurt", 2: `Quo"ted`})
	for _, test := range []struct {
		name     string
		rows     []string
		families []string
		want     string
		without  string // on the version that lacks columns, where it differs
	}{
		{"agents", []string{"fleet.sql"}, agentFamilies, "agents.txt", "agents_without.txt"},
		{"counts", []string{"fleet.sql"}, countFamilies, "counts.txt", ""},
		{"agent stats", []string{"fleet.sql", "agentstats.sql"}, agentStatsFamilies, "agentstats.txt", ""},
		{"insights", []string{"fleet.sql", "insights.sql"}, insightsFamilies, "insights.txt", ""},
	} {
		for _, version := range []string{"newest", "without"} {
			t.Run(test.name+"/"+version, func(t *testing.T) {
				scripts, want := slices.Concat([]string{"schema.sql"}, test.rows), test.want
				if version == "without" {
					scripts, want = append(scripts, "without.sql"), cmp.Or(test.without, want)
				}
				_, url := newDatabase(t, scripts...)
				db := open(t, url, regions, WithLogger(testLogger(t)))
				compare(t, exposition(t, db.Sources(), test.families...), read(t, want))
			})
		}
	}
}
