package coderdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// addReport adds a report of an agent of fleet.sql with a timestamp relative to noon.
func addReport(t testing.TB, d *pgtest.Database, agent int, at time.Duration, bytes int) {
	t.Helper()
	d.Exec(t, `INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id, rx_bytes, connection_median_latency_ms)
		VALUES ($1, u($2), u(1), u(31), u(11), $3, 1)`, noon.Add(at), agent, bytes)
}

// TestAgentStatsWindows checks that repeated collections contain each report once, also
// after a failed collection.
func TestAgentStatsWindows(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	now := noon
	db := open(t, url, clockOption(func() time.Time { return now }), WithInterval(30*time.Second))
	source := db.Sources().AgentStats
	end := -2 * time.Minute
	for _, step := range []struct {
		name  string
		at    time.Duration // after noon
		until time.Duration // end of the reports written so far, one byte per second
		fail  bool
		want  int64 // bytes
	}{
		{"the first looks back one interval", 0, 0, false, 30},
		{"at once: nothing new", 0, 0, false, 0},
		{"a minute", time.Minute, time.Minute, false, 60},
		{"a failure", 90 * time.Second, 90 * time.Second, true, 0},
		{"what the failure missed too", 2 * time.Minute, 2 * time.Minute, false, 60},
		{"the clock went back a little", 2*time.Minute - time.Second, 2 * time.Minute, false, 0},
		{"and on", 2*time.Minute + time.Second, 2*time.Minute + time.Second, false, 1},
		{"an outage", 50 * time.Minute, 50 * time.Minute, false, 48*60 - 1},
		{"a longer outage: one hour", 4 * time.Hour, 4 * time.Hour, false, 60 * 60},
		{"the clock of another database", -time.Minute, 0, false, 5*60 + 30},
		{"which goes on: those too far ahead were left out", -time.Minute + time.Second, 0, false, 0},
	} {
		if step.until > end {
			d.Exec(t, `INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id, rx_bytes, connection_median_latency_ms)
				SELECT s, u(502), u(1), u(31), u(11), 1, 1
				FROM generate_series($1::timestamptz, $2, '1 second') AS s`, noon.Add(end+time.Second), noon.Add(step.until))
			end = step.until
		}
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

// TestAgentStatsSkew checks that each report is counted once with any clock skew within the
// limit, also if collections fail. Until the lag of a clock is known, its reports may be
// counted late.
func TestAgentStatsSkew(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	for _, skew := range []time.Duration{-5*time.Minute + time.Second, -45 * time.Second, -20 * time.Second, 0, 20 * time.Second, 5 * time.Minute} {
		for _, interval := range []time.Duration{10 * time.Second, time.Minute} {
			t.Run(fmt.Sprintf("%v every %v", skew, interval), func(t *testing.T) {
				d.Exec(t, "TRUNCATE workspace_agent_stats")
				now := noon
				db := open(t, url, clockOption(func() time.Time { return now }), WithInterval(interval))
				source := db.Sources().AgentStats
				if _, err := source.AgentStats(t.Context()); err != nil {
					t.Fatal(err)
				}
				var written, counted int64
				for i := range int(8 * time.Minute / interval) { // past the window
					now = now.Add(interval)
					addReport(t, d, 502, now.Sub(noon)-interval/2+skew, 1+i)
					written += int64(1 + i)
					ctx, cancel := context.WithCancel(t.Context())
					fails := i%5 == 3
					if fails {
						cancel()
					}
					stats, err := source.AgentStats(ctx)
					cancel()
					if (err != nil) != fails {
						t.Fatalf("collection %d: error %v", i, err)
					}
					for _, s := range stats {
						counted += s.RxBytes
					}
					if known := now.Sub(noon) > wideEvery+interval; counted > written || known && !fails && counted < written {
						t.Errorf("collection %d: got %d bytes, want %d", i, counted, written)
					}
				}
				if n := source.(*agentStats).SkewedReports(); n != 0 {
					t.Errorf("got %d skewed reports, want 0", n)
				}
			})
		}
	}
}

// TestAgentStatsOfManyClocks checks that each report is counted once if agents report every
// 30 s through replicas of Coder with different clocks, and the reports are committed late.
func TestAgentStatsOfManyClocks(t *testing.T) {
	const agents = 10
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	for _, interval := range []time.Duration{10 * time.Second, time.Minute} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("every %v, seed %d", interval, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				between := func(from, until time.Duration) time.Duration {
					return from + time.Duration(r.Int64N(int64(until-from)))
				}
				d.Exec(t, "TRUNCATE workspace_agent_stats")
				now := noon
				db := open(t, url, clockOption(func() time.Time { return now }), WithInterval(interval))
				source := db.Sources().AgentStats
				if _, err := source.AgentStats(t.Context()); err != nil {
					t.Fatal(err)
				}
				type clock struct{ skew, next, until time.Duration } // next and until: reports, relative to noon
				var clocks [agents]clock
				for i := range clocks {
					begin := between(time.Second, 6*time.Minute)
					clocks[i] = clock{between(-maxSkew, maxSkew), begin, begin + between(time.Minute, 6*time.Minute)}
				}
				var written, counted int64
				for now.Sub(noon) < 15*time.Minute {
					now = now.Add(interval)
					for i := range clocks {
						// Reports are committed in order, at most 5 s late.
						for c := &clocks[i]; c.next < c.until && c.next+between(0, commitDelay) <= now.Sub(noon); c.next += 30 * time.Second {
							addReport(t, d, 501+i, c.next+c.skew, 1)
							written++
						}
					}
					ctx, cancel := context.WithCancel(t.Context())
					fails := r.IntN(6) == 0
					if fails {
						cancel()
					}
					stats, err := source.AgentStats(ctx)
					cancel()
					if (err != nil) != fails {
						t.Fatalf("after %v: error %v", now.Sub(noon), err)
					}
					for _, s := range stats {
						counted += s.RxBytes
					}
				}
				if counted != written {
					t.Errorf("got %d reports, want %d", counted, written)
				}
			})
		}
	}
}

// TestAgentStatsAtTheEdgeOfTheWindow checks that both reports of an agent with a lagging
// clock are counted if the first is before the window and the second in it.
func TestAgentStatsAtTheEdgeOfTheWindow(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	now := noon
	db := open(t, url, clockOption(func() time.Time { return now }), WithInterval(time.Minute))
	source := db.Sources().AgentStats
	if _, err := source.AgentStats(t.Context()); err != nil {
		t.Fatal(err)
	}
	const lag = 85 * time.Second
	addReport(t, d, 502, 2*time.Second-lag, 1)
	addReport(t, d, 502, 32*time.Second-lag, 2)
	now = noon.Add(time.Minute)
	stats, err := source.AgentStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantBytes(t, "both", stats, 3)
}

// wantBytes compares the received bytes of the rows, in any order.
func wantBytes(t *testing.T, what string, stats []meters.AgentStats, want ...int64) {
	t.Helper()
	got := make(map[int64]int)
	for _, s := range stats {
		got[s.RxBytes]++
	}
	for _, n := range want {
		got[n]--
	}
	for n, count := range got {
		if count != 0 {
			t.Errorf("%s: got %v, want bytes %v (%d differs)", what, stats, want, n)
			return
		}
	}
}

// TestAgentStatsOfAClockThatIsSet checks that a report with a timestamp in the future is
// counted once, and that a report left out as too far ahead is not counted later, when its
// time comes.
func TestAgentStatsOfAClockThatIsSet(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	now := noon
	db := open(t, url, clockOption(func() time.Time { return now }), WithInterval(time.Minute))
	source := db.Sources().AgentStats
	const s, m = time.Second, time.Minute
	for _, step := range []struct {
		name    string
		at      time.Duration
		reports []time.Duration // one byte each
		want    []int64
		skewed  int
	}{
		{"the first", 0, []time.Duration{-2 * m, -10 * s}, []int64{1}, 0},
		{"one ahead", 10 * s, []time.Duration{10*s + 2*m}, []int64{1}, 0},
		{"its time comes", 3 * m, nil, nil, 0},
		{"the right clock", 3*m + 10*s, []time.Duration{3*m + 5*s}, []int64{1}, 0},
		{"too far ahead", 4 * m, []time.Duration{9*m + s, 24 * time.Hour}, nil, 2},
		{"and right again", 5 * m, []time.Duration{5 * m}, []int64{1}, 0},
		{"the time of one that was left out comes", 8 * m, nil, nil, 0},
		{"and goes", 10 * m, []time.Duration{10 * m}, []int64{1}, 0},
	} {
		for _, at := range step.reports {
			addReport(t, d, 502, at, 1)
		}
		now = noon.Add(step.at)
		stats, err := source.AgentStats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, step.name, stats, step.want...)
		if got := source.(*agentStats).SkewedReports(); got != step.skewed {
			t.Errorf("%s: got %d skewed reports, want %d", step.name, got, step.skewed)
		}
	}
}

// TestAgentStatsTooFarBehind checks that reports too far behind are left out and counted as
// skewed if all clocks lag.
func TestAgentStatsTooFarBehind(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	for _, behind := range []time.Duration{8 * time.Minute, 59 * time.Minute, 48 * time.Hour} {
		t.Run(behind.String(), func(t *testing.T) {
			d.Exec(t, "TRUNCATE workspace_agent_stats")
			now := noon
			db := open(t, url, clockOption(func() time.Time { return now }))
			source := db.Sources().AgentStats
			skewed := source.(*agentStats).SkewedReports
			for i := range 8 {
				addReport(t, d, 502, now.Sub(noon)-behind, 1)
				stats, err := source.AgentStats(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				wantBytes(t, "the clock behind", stats)
				if got, want := skewed(), min(i, 1); got != want { // at the first collection the report is old, not skewed
					t.Errorf("collection %d: got %d skewed reports, want %d", i, got, want)
				}
				now = now.Add(time.Minute)
			}
			// Reports delayed by an outage are not skewed.
			now = now.Add(3 * time.Hour)
			addReport(t, d, 502, now.Sub(noon)-2*time.Hour, 1)
			addReport(t, d, 502, now.Sub(noon), 1)
			if _, err := source.AgentStats(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := skewed(); got != 0 {
				t.Errorf("after an outage: got %d skewed reports, want 0", got)
			}
		})
	}
}

// TestAgentStatsSkewIsTold checks that skewed reports are counted and logged once.
func TestAgentStatsSkewIsTold(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	d.Exec(t, `INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id)
		SELECT now() + interval '6 minutes' + n * interval '1 second', u(502), u(1), u(31), u(11) FROM generate_series(1, 3) AS n`)
	var l log
	db, err := Open(t.Context(), url, l.option())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m := meterstest.NewReader(t)
	newMeters(t, m.Providers(), meters.WithLogger(db.logger), meters.WithInterval(50*time.Millisecond)).
		Poll(meters.Sources{AgentStats: db.Sources().AgentStats})
	await(t, "three skewed reports are counted", func() bool {
		n := m.Samples(t)[`otelcoder_refused_total{origin="source",reason="skew"}`]
		return n == 3
	})
	d.Exec(t, `INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id)
		SELECT now() + interval '7 minutes', u(502), u(1), u(31), u(11)`)
	await(t, "the fourth skewed report is counted", func() bool {
		n := m.Samples(t)[`otelcoder_refused_total{origin="source",reason="skew"}`]
		return n == 4
	})
	if n := l.lines(`msg="left out of the metrics, and counted in otelcoder_refused_total" origin=source reason=skew total=3`); n != 1 {
		t.Errorf("got %d log lines, want 1:\n%s", n, l.String())
	}
	l.wantNo(t, "total=4")
}
