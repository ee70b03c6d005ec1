package coderdb

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestPeersMissingIsLogged checks that missing peers are logged once per change, and only if
// a connected agent should have a peer.
func TestPeersMissingIsLogged(t *testing.T) {
	const missing = `level=WARN msg="tailnet_peers has no connected agent: Coder fills it only with its high-availability license"` +
		` so="tailnet nodes and connection latencies of agents are unknown: keep coderd_agents_connection_latencies_seconds` +
		` and coderd_agents_connections from Coder's own endpoint"`
	const back = `level=INFO msg="tailnet_peers has agents: their tailnet nodes and connection latencies are known"`
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	var log bytes.Buffer
	agents := open(t, url, WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Sources().Agents
	d.Exec(t, "CREATE TABLE kept AS TABLE tailnet_peers")
	for _, step := range []struct {
		name, sql, want string
	}{
		{"filled", "SELECT", ""},
		{"emptied", "DELETE FROM tailnet_peers", missing},
		{"still empty", "SELECT", ""},
		{"filled again", "INSERT INTO tailnet_peers TABLE kept", back},
		{"emptied again", "DELETE FROM tailnet_peers", missing},
		{"filled for agents that are none", "INSERT INTO tailnet_peers SELECT * FROM kept WHERE id = u(999)", ""},
		{"filled once more", "DELETE FROM tailnet_peers; INSERT INTO tailnet_peers TABLE kept", back},
		{"emptied, but nobody is connected", "DELETE FROM tailnet_peers; UPDATE workspace_agents SET last_connected_at = '2025-08-01'", ""},
	} {
		log.Reset()
		d.Exec(t, step.sql)
		if _, err := agents.Agents(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := log.String()
		if step.want == "" && got != "" || strings.Count(got, "\n") > 1 || !strings.Contains(got, step.want) {
			t.Errorf("%s: got log\n%s\nwant %s", step.name, got, step.want)
		}
	}
}
