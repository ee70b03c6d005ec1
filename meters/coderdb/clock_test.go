package coderdb

import (
	"testing"

	"github.com/otelcoder/otelcoder/meters"
)

// TestClockOfTheDatabase checks that collections use the clock of the database by default.
func TestClockOfTheDatabase(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	d.Exec(t, `
		UPDATE api_keys SET last_used = now() - interval '59 minutes';
		UPDATE api_keys SET last_used = now() - interval '61 minutes' WHERE user_id = u(2);
		UPDATE workspace_agents SET last_connected_at = now() - interval '10 seconds' WHERE id = u(502);
		INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id, rx_bytes, connection_median_latency_ms)
			SELECT now() - n * interval '30 seconds', u(502), u(1), u(31), u(11), 1, 1 FROM generate_series(0, 4) AS n`)
	db, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sources := db.Sources()

	users, err := sources.ActiveUsers.ActiveUsers(t.Context())
	if err != nil || users != 3 {
		t.Errorf("got %d active users, error %v; want 3", users, err)
	}
	workspaces, err := sources.Agents.Agents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	connected := 0
	for _, w := range workspaces {
		for _, a := range w.Agents {
			if a.Status == meters.AgentConnected {
				connected++
			}
		}
	}
	if connected != 1 {
		t.Errorf("got %d connected agents, want 1", connected)
	}
	stats, err := sources.AgentStats.AgentStats(t.Context())
	if err != nil || len(stats) != 1 || stats[0].RxBytes != 2 {
		t.Errorf("got statistics %v, error %v; want 2 bytes, from the reports of now and 30 s ago", stats, err)
	}
}
