package coderdb

import (
	"context"
	"testing"
	"time"
)

// TestAgentStatsWindows asks again and again: each row is in one window, also
// where a collection failed in between.
func TestAgentStatsWindows(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	// A byte every second: from 11:58:00 until 12:10:00.
	d.Exec(t, `INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id, rx_bytes, connection_median_latency_ms)
		SELECT s, u(502), u(1), u(31), u(11), 1, 1
		FROM generate_series('2025-09-01 11:58:00+00'::timestamptz, '2025-09-01 12:10:00+00', '1 second') AS s`)

	now := noon
	db := open(t, url, clockOption(func() time.Time { return now }), WithInterval(30*time.Second))
	source := db.Sources().AgentStats
	for _, step := range []struct {
		name string
		at   time.Duration // after noon
		fail bool
		want int64 // bytes
	}{
		{"the first looks back one interval", 0, false, 30},
		{"at once: nothing new", 0, false, 0},
		{"a minute", time.Minute, false, 60},
		{"a failure", 90 * time.Second, true, 0},
		{"what the failure missed too", 2 * time.Minute, false, 60},
		{"the clock went back a little", 2*time.Minute - time.Second, false, 0},
		{"and on", 2*time.Minute + time.Second, false, 1},
		{"the clock of another database", -time.Minute, false, 30},
		{"which goes on", -time.Minute + time.Second, false, 1},
	} {
		now = noon.Add(step.at)
		ctx, cancel := context.WithCancel(t.Context())
		if step.fail {
			cancel()
		}
		stats, err := source.AgentStats(ctx)
		cancel()
		if (err != nil) != step.fail {
			t.Fatalf("%s: error %v", step.name, err)
		}
		var got int64
		for _, s := range stats {
			got += s.RxBytes
		}
		if got != step.want {
			t.Errorf("%s: %d bytes, want %d", step.name, got, step.want)
		}
	}
}

// TestAgentStatsWindowAfterOutage is bounded.
func TestAgentStatsWindowAfterOutage(t *testing.T) {
	c, err := newOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &agentStats{db: &DB{config: c}, until: noon}
	from, until := a.window(noon.Add(24 * time.Hour))
	if want := noon.Add(24*time.Hour - 5*time.Second); until != want || until.Sub(from) != time.Hour {
		t.Errorf("window (%v, %v], want an hour until %v", from, until, want)
	}
}
