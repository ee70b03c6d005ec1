package coderdb

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// TestUnserved checks that the families reported as unserved are those without series, for
// every column that a version of Coder may lack and every option that leaves families out.
func TestUnserved(t *testing.T) {
	type variant struct {
		name    string
		sql     string
		options []Option
		want    map[instrument.Family]coderschema.Reason
	}
	variants := []variant{
		{"newest", "SELECT", nil, nil},
		{"one column of a table", "ALTER TABLE workspace_agent_script_timings DROP COLUMN status", nil,
			map[instrument.Family]coderschema.Reason{instrument.AgentScriptsExecuted: coderschema.Missing}},
		{"without parameters", "SELECT", []Option{WithoutParameters()},
			map[instrument.Family]coderschema.Reason{instrument.InsightsParameters: coderschema.Off}},
		{"without agent stats", "SELECT", []Option{WithoutAgentStats()}, map[instrument.Family]coderschema.Reason{
			instrument.AgentScriptsExecuted: coderschema.Off, instrument.AgentStatsConnections: coderschema.Off, instrument.AgentStatsMedianLatency: coderschema.Off,
			instrument.AgentStatsRx: coderschema.Off, instrument.AgentStatsSessionsJetBrains: coderschema.Off, instrument.AgentStatsSessionsReconnectingPTY: coderschema.Off,
			instrument.AgentStatsSessionsSSH: coderschema.Off, instrument.AgentStatsSessionsVSCode: coderschema.Off, instrument.AgentStatsStartupScript: coderschema.Off,
			instrument.AgentStatsTx: coderschema.Off,
		}},
	}
	for _, table := range coderschema.Tables(instrument.Documented) {
		for _, o := range table.Optional {
			v := variant{name: table.Name + " " + strings.Join(o.Columns, " "), sql: "DROP TABLE " + table.Name}
			if len(table.Columns) > 0 {
				v.sql = "ALTER TABLE " + table.Name + " DROP COLUMN " + strings.Join(o.Columns, ", DROP COLUMN ")
			}
			switch table.Name {
			case "tailnet_peers":
				v.want = map[instrument.Family]coderschema.Reason{instrument.AgentsConnectionLatencies: coderschema.Missing}
			case "workspace_agent_scripts", "workspace_agent_script_timings":
				v.want = map[instrument.Family]coderschema.Reason{instrument.AgentScriptsExecuted: coderschema.Missing}
			}
			variants = append(variants, v)
		}
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			d := pgtest.New(t)
			for _, script := range []string{"schema.sql", "fleet.sql", "agentstats.sql", "insights.sql"} {
				d.Exec(t, read(t, script))
			}
			d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", licensed(10, -time.Hour, time.Hour, time.Hour))
			// The app and the peer belong to an agent of a latest build.
			d.Exec(t, `
				INSERT INTO workspace_apps (agent_id, display_name, slug, health) VALUES (u(513), 'code', 'code', 'healthy');
				INSERT INTO tailnet_peers (id, coordinator_id, updated_at, node)
				VALUES (u(513), u(1), '2025-09-01 12:00:00', '\x2802320f0a04322d763611000000000000e03f')`)
			d.Exec(t, v.sql)
			url := d.Role(t, grants)
			now := noon
			options := append([]Option{WithLogger(testLogger(t)), clockOption(func() time.Time { return now })}, v.options...)
			db := open(t, url, options...)

			conn, err := postgres.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			found, err := coderschema.Inspect(t.Context(), conn, instrument.Documented, db.off())
			if err != nil {
				t.Fatal(err)
			}
			reasons := found.Unserved
			if !maps.Equal(reasons, v.want) {
				t.Errorf("got unserved %v, want %v", reasons, v.want)
			}

			families := []instrument.Family{
				instrument.AgentsUp, instrument.AgentsConnections, instrument.AgentsConnectionLatencies, instrument.AgentsApps,
				instrument.AgentStatsStartupScript, instrument.AgentStatsRx, instrument.AgentStatsTx, instrument.AgentStatsConnections,
				instrument.AgentStatsMedianLatency, instrument.AgentStatsSessionsVSCode, instrument.AgentStatsSessionsJetBrains,
				instrument.AgentStatsSessionsReconnectingPTY, instrument.AgentStatsSessionsSSH, instrument.APIActiveUsers,
				instrument.APIWorkspaceLatestBuild, instrument.InsightsApplicationsUsage, instrument.InsightsParameters, instrument.InsightsTemplatesActiveUsers,
				instrument.LicenseActiveUsers, instrument.LicenseLimitUsers, instrument.LicenseUserLimitEnabled, instrument.ProvisionerdJobsCurrent,
			}
			served := make(map[instrument.Family]bool)
			text := exposition(t, db.Sources(), families...)
			for _, f := range families {
				served[f] = strings.Contains(text, "# TYPE "+f.String()+" ")
			}
			follower := db.follower()
			next(t, follower)
			d.Exec(t, read(t, "events.sql"))
			if v.want[instrument.AgentScriptsExecuted] != coderschema.Missing {
				d.Exec(t, read(t, "scripts.sql"))
			}
			now = noon.Add(10 * time.Second)
			events := next(t, follower)
			served[instrument.ProvisionerdJobTimings] = len(events.Ended) > 0
			served[instrument.WorkspaceBuilds] = len(events.Ended) > 0
			served[instrument.AgentScriptsExecuted] = len(events.Scripts) > 0
			for f, is := range served {
				if _, not := reasons[f]; is == not {
					t.Errorf("%s: served %t, unserved %t", instrument.Documented.Info(f).Name, is, not)
				}
			}
		})
	}
}
