package coderdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestStartupScriptIsRemembered follows the starts of two agents through their later states.
// A start keeps an outcome that a collection has seen. Without such an outcome it is not
// served.
func TestStartupScriptIsRemembered(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	agents := open(t, url).Sources().Agents
	const main, edge = 502, 503 // agents of the workspace dev
	d.Exec(t, "UPDATE workspace_agents SET deleted = true WHERE id NOT IN (u(502), u(503))")
	set := func(agent int, assignments string) string {
		return fmt.Sprintf("UPDATE workspace_agents SET %s WHERE id = u(%d)", assignments, agent)
	}
	for _, step := range []struct {
		name string
		sql  string
		fail bool
		want []string
	}{
		{"a failure and a success", "", false, []string{"edge false 5", "main true 12.5"}},
		{"the failed one shuts down", set(edge, "lifecycle_state = 'shutting_down'"), false, []string{"edge false 5", "main true 12.5"}},
		{"a collection fails", set(edge, "lifecycle_state = 'off'"), true, nil},
		{"the failed one is off", "", false, []string{"edge false 5", "main true 12.5"}},
		{"the other fails to shut down", set(main, "lifecycle_state = 'shutdown_error'"), false, []string{"edge false 5", "main true 12.5"}},
		{"one starts again", set(edge, "lifecycle_state = 'starting', started_at = '2025-08-03 00:00:00', ready_at = NULL"), false,
			[]string{"main true 12.5"}},
		{"it takes too long", set(edge, "lifecycle_state = 'start_timeout', ready_at = '2025-08-03 00:10:00'"), false,
			[]string{"edge false 600", "main true 12.5"}},
		{"but ends", set(edge, "lifecycle_state = 'ready', ready_at = '2025-08-03 00:11:00'"), false,
			[]string{"edge true 660", "main true 12.5"}},
		{"and shuts down", set(edge, "lifecycle_state = 'shutdown_timeout'"), false, []string{"edge true 660", "main true 12.5"}},
		{"a start that ends between two collections", set(main,
			"lifecycle_state = 'off', started_at = '2025-08-04 00:00:00', ready_at = '2025-08-04 00:00:01'"), false,
			[]string{"edge true 660"}},
		{"an agent is gone", "UPDATE workspace_agents SET deleted = true WHERE id = u(503)", false, nil},
		{"and is forgotten", "UPDATE workspace_agents SET deleted = false WHERE id = u(503)", false, nil},
	} {
		if step.sql != "" {
			d.Exec(t, step.sql)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if step.fail {
			cancel()
		}
		workspaces, err := agents.Agents(ctx)
		cancel()
		if (err != nil) != step.fail {
			t.Fatalf("%s: error %v", step.name, err)
		}
		var got []string
		for _, w := range workspaces {
			for _, a := range w.Agents {
				if s := a.StartupScript; s != nil {
					got = append(got, fmt.Sprintf("%s %t %g", a.Name, s.Success, s.Seconds))
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, step.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", step.name, strings.Join(got, ", "), strings.Join(step.want, ", "))
		}
	}
}

// TestStartupScriptNeverSeen checks that no outcome is derived from states before or after
// the end of the start.
func TestStartupScriptNeverSeen(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	db := open(t, url)
	for _, state := range []string{"created", "starting", "shutting_down", "shutdown_timeout", "shutdown_error", "off"} {
		d.Exec(t, "UPDATE workspace_agents SET lifecycle_state = $1::text::workspace_agent_lifecycle_state", state)
		if got := exposition(t, db.Sources(), instrument.AgentStatsStartupScript); got != "" {
			t.Errorf("%s: got\n%s\nwant no series", state, got)
		}
	}
}
