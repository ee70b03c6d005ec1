package coderdb

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// recorder records events as a service does.
type recorder struct {
	builds    *meters.Builds
	jobs      *meters.Jobs
	forwarded *meters.Forwarded

	running  map[[16]byte]*meters.RunningBuild
	reports  map[meters.ForwardingAgent]*meters.AgentReports
	executed map[endedScript]float64
}

func newRecorder(t *testing.T, m *meterstest.Reader) *recorder {
	t.Helper()
	r := &recorder{
		running:  make(map[[16]byte]*meters.RunningBuild),
		reports:  make(map[meters.ForwardingAgent]*meters.AgentReports),
		executed: make(map[endedScript]float64),
	}
	events := newMeters(t, m.Providers())
	r.builds, r.jobs, r.forwarded = events.Builds(), events.Jobs(), events.Forwarded()
	return r
}

func (r *recorder) record(e events) {
	for _, j := range e.Running {
		if j.Build != nil && r.running[j.ID] == nil {
			r.running[j.ID] = r.builds.Start(*j.Build)
		}
	}
	for _, j := range e.Ended {
		r.jobs.Record(j.Provisioner, j.Outcome, j.Seconds)
		if j.Build == nil {
			continue
		}
		build := r.running[j.ID]
		if build == nil {
			build = r.builds.Start(*j.Build)
		}
		build.End(j.Outcome)
		delete(r.running, j.ID)
	}
	for _, s := range e.Scripts {
		r.executed[s]++
	}
	reports := make(map[meters.ForwardingAgent][]meters.ForwardedMetric)
	for s, n := range r.executed {
		reports[s.Agent] = append(reports[s.Agent], meters.ForwardedMetric{
			Name: "agent_scripts_executed_total", Type: meters.ForwardedCounter, Value: n,
			Labels: []meters.ForwardedLabel{{Name: "success", Value: strconv.FormatBool(s.Success)}},
		})
	}
	for agent, report := range reports {
		if r.reports[agent] == nil {
			r.reports[agent] = r.forwarded.Agent(agent)
		}
		r.reports[agent].Report(report)
	}
}

var eventFamilies = []instrument.Family{
	instrument.AgentScriptsExecuted,
	instrument.ProvisionerdJobTimings,
	instrument.WorkspaceBuilds,
}

// TestGoldenEvents compares the families of followed events with golden files, read by the
// restricted role.
func TestGoldenEvents(t *testing.T) {
	t.Run("newest", func(t *testing.T) {
		testGoldenEvents(t, []string{"schema.sql", "fleet.sql"}, []string{"events.sql", "scripts.sql"}, "scripts.txt", "events.txt")
	})
	t.Run("without", func(t *testing.T) {
		testGoldenEvents(t, []string{"schema.sql", "fleet.sql", "without.sql"}, []string{"events.sql"}, "events.txt")
	})
}

func testGoldenEvents(t *testing.T, before, then []string, want ...string) {
	d, url := newDatabase(t, before...)
	db, now := clocked(t, url)
	f := db.follower()
	m := meterstest.NewReader(t)
	r := newRecorder(t, m)

	r.record(next(t, f))
	compare(t, m.Text(t, eventFamilies...), read(t, "events_begun.txt"))

	for _, script := range then {
		d.Exec(t, read(t, script))
	}
	*now = noon.Add(10 * time.Second)
	r.record(next(t, f))
	var text string
	for _, name := range want {
		text += read(t, name)
	}
	compare(t, m.Text(t, eventFamilies...), text)

	*now = noon.Add(20 * time.Second)
	r.record(next(t, f))
	compare(t, m.Text(t, eventFamilies...), text)
}

// clocked opens a database with a clock that the test sets.
func clocked(t *testing.T, url string) (*DB, *time.Time) {
	now := noon
	return open(t, url, clockOption(func() time.Time { return now })), &now
}

// addJob adds a job with its times relative to noon.
func addJob(t *testing.T, d *pgtest.Database, n int, started, completed time.Duration) {
	t.Helper()
	d.Exec(t, "INSERT INTO provisioner_jobs (id, started_at, completed_at) VALUES (u($1), $2, $3)", n, noon.Add(started), noon.Add(completed))
}

func next(t *testing.T, f *follower) events {
	t.Helper()
	e, err := f.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestFollowerMissesNothing checks that the follower reports each event exactly once, also
// after late commits, failures and pauses.
func TestFollowerMissesNothing(t *testing.T) {
	d, url := newDatabase(t, "schema.sql")
	db, now := clocked(t, url)
	f := db.follower()
	const s, m = time.Second, time.Minute
	type job struct{ started, completed time.Duration }
	n := 0
	for _, step := range []struct {
		name string
		at   time.Duration
		jobs []job // become visible in this step
		fail bool
		want int
	}{
		{"the first look only begins", 0, []job{{-10 * s, -5 * s}, {-10 * s, 0}, {-10 * s, 30 * s}}, false, 0},
		{"at once", 0, nil, false, 0},
		{"two jobs", 10 * s, []job{{1 * s, 2 * s}, {1 * s, 10 * s}}, false, 2},
		{"one that ended before the beginning, seen late", 11 * s, []job{{-10 * s, -1 * s}}, false, 0},
		{"one seen late", 12 * s, []job{{0, 1 * s}}, false, 1},
		{"one at the same time as another", 13 * s, []job{{0, 2 * s}}, false, 1},
		{"one by a clock that is ahead", 14 * s, []job{{1 * s, 60 * s}}, false, 1},
		{"which is reached", 70 * s, nil, false, 0},
		{"a failure", 80 * s, []job{{1 * s, 75 * s}}, true, 0},
		{"what the failure missed", 81 * s, nil, false, 1},
		{"almost too late", 5*m + 80*s, []job{{1 * s, 82 * s}}, false, 1},
		{"a pause of hours", 180 * m, []job{{1 * s, 10 * m}, {1 * s, 90 * m}, {1 * s, 179 * m}}, false, 3},
		{"nothing again", 181 * m, nil, false, 0},
		{"nothing again, past the margin", 200 * m, nil, false, 0},
		{"the clock went back a little", 199 * m, []job{{1 * s, 199 * m}}, false, 1},
		{"the clock of another database", 0, []job{{0, -1 * s}}, false, 0},
		{"which goes on", 10 * s, []job{{0, 5 * s}}, false, 1},
	} {
		for _, j := range step.jobs {
			n++
			addJob(t, d, n, j.started, j.completed)
		}
		*now = noon.Add(step.at)
		ctx, cancel := context.WithCancel(t.Context())
		if step.fail {
			cancel()
		}
		e, err := f.next(ctx)
		cancel()
		if (err != nil) != step.fail {
			t.Fatalf("%s: error %v", step.name, err)
		}
		if len(e.Ended) != step.want {
			t.Errorf("%s: got %d jobs, want %d: %v", step.name, len(e.Ended), step.want, e.Ended)
		}
	}
}

// TestFollowerForgets checks that the follower forgets jobs that it will not read again.
func TestFollowerForgets(t *testing.T) {
	d, url := newDatabase(t, "schema.sql")
	db, now := clocked(t, url)
	f := db.follower()
	next(t, f)
	for i := range 20 {
		addJob(t, d, i, 0, time.Duration(i)*time.Minute+time.Second)
		*now = noon.Add(time.Duration(i)*time.Minute + 2*time.Second)
		next(t, f)
	}
	if len(f.jobs) != 5 {
		t.Errorf("got %d remembered jobs, want the 5 of the last 5 minutes", len(f.jobs))
	}
}

// TestFollowerCatchesUp checks that the follower catches up in steps of bounded size, also if
// more events ended at the same time than fit into one step.
func TestFollowerCatchesUp(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	db, now := clocked(t, url)
	f := db.follower()
	next(t, f)
	// 15,000 jobs end within one second, 14,001 of them at the same time. Running jobs do not
	// count towards the limit.
	d.Exec(t, `
		INSERT INTO provisioner_jobs (id, started_at, completed_at)
		SELECT u(1000000 + n), '2025-09-01 12:00:31+00', '2025-09-01 12:00:31+00'::timestamptz + least(n, 1000) * interval '1 millisecond'
		FROM generate_series(1, 15000) AS n;
		INSERT INTO workspace_agent_scripts SELECT u(2000000 + n), u(502) FROM generate_series(1, 15000) AS n;
		INSERT INTO workspace_agent_script_timings (script_id, started_at, ended_at, status)
		SELECT u(2000000 + n), '2025-09-01 12:00:31+00', '2025-09-01 12:00:32+00', 'ok' FROM generate_series(1, 15000) AS n`)
	*now = noon.Add(time.Hour)
	jobs, scripts := make(map[[16]byte]int), 0
	for i, want := range []int{10_000, 5_000, 0, 0} {
		e := next(t, f)
		if len(e.Ended) != want || len(e.Scripts) != want {
			t.Errorf("look %d: got %d jobs and %d scripts, want %d each", i, len(e.Ended), len(e.Scripts), want)
		}
		for _, j := range e.Ended {
			jobs[j.ID]++
		}
		scripts += len(e.Scripts)
	}
	if len(jobs) != 15_000 || scripts != 15_000 {
		t.Errorf("got %d jobs and %d scripts, want 15000 each", len(jobs), scripts)
	}
}

// TestFollowerAtOnceWithWriters checks that the follower reports each job once while
// concurrent writers commit jobs later than their timestamps.
func TestFollowerAtOnceWithWriters(t *testing.T) {
	d, url := newDatabase(t, "schema.sql")
	db, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f := db.follower()
	next(t, f)

	const writers, each = 4, 50
	var running atomic.Int32
	running.Store(writers)
	errs := make(chan error, writers)
	for w := range writers {
		go func() {
			defer running.Add(-1)
			errs <- writeJobs(d.URL, w*each, each)
		}()
	}
	seen := make(map[[16]byte]int)
	for last := false; ; {
		for _, j := range next(t, f).Ended {
			seen[j.ID]++
		}
		if last {
			break
		}
		last = running.Load() == 0 // one more look after the writers end
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != writers*each {
		t.Errorf("got %d jobs, want %d", len(seen), writers*each)
	}
	for job, n := range seen {
		if n != 1 {
			t.Errorf("job %x: got %d events, want 1", job, n)
		}
	}
}

// writeJobs adds n jobs one after another, each with an end some milliseconds before its
// commit.
func writeJobs(url string, from, n int) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for i := range n {
		_, err := c.Exec(ctx, fmt.Sprintf(`BEGIN;
			INSERT INTO provisioner_jobs (id, started_at, completed_at) VALUES (u(%d), clock_timestamp() - interval '1 second', clock_timestamp());
			SELECT pg_sleep(%f);
			COMMIT`, 1+from+i, 0.001*float64(i%7)))
		if err != nil {
			return err
		}
	}
	return nil
}

// TestLookWithoutScan checks that a look without a scan finds the jobs that an earlier look
// saw running and, by the index on the status, the jobs that now run. The next scan finds
// the others.
func TestLookWithoutScan(t *testing.T) {
	for _, test := range []struct {
		name, schema string
		running      int // running jobs found without a scan
	}{
		{"index", "CREATE INDEX ON provisioner_jobs (job_status)", 2},
		{"no index", "", 1},
		{"no column", "ALTER TABLE provisioner_jobs DROP COLUMN job_status", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, url := newDatabase(t, "schema.sql")
			if test.schema != "" {
				d.Exec(t, test.schema)
				url = d.Role(t, grants)
			}
			db, now := clocked(t, url)
			f := db.follower()
			look := func(all bool) events {
				t.Helper()
				l, err := f.look(t.Context(), scan{jobs: all})
				if err != nil {
					t.Fatal(err)
				}
				return f.take(l)
			}
			want := func(what string, e events, running, ended int) {
				t.Helper()
				if len(e.Running) != running || len(e.Ended) != ended {
					t.Errorf("%s: got %d running and %d ended jobs, want %d and %d", what, len(e.Running), len(e.Ended), running, ended)
				}
			}
			run := func(n int) {
				d.Exec(t, "INSERT INTO provisioner_jobs (id, started_at) VALUES (u($1), $2)", n, *now)
			}
			end := func(n int) {
				d.Exec(t, "UPDATE provisioner_jobs SET completed_at = $2 WHERE id = u($1)", n, *now)
			}
			run(1)
			want("first", look(false), 1, 0) // the first look always scans
			*now = noon.Add(10 * time.Second)
			run(2)
			addJob(t, d, 3, 5*time.Second, 8*time.Second)
			want("started", look(false), test.running, 0)
			*now = noon.Add(20 * time.Second)
			end(1)
			end(2)
			want("ended", look(false), 0, test.running)
			want("again", look(false), 0, 0)
			*now = noon.Add(time.Hour)
			want("scan", look(true), 0, 3-test.running)
			want("scan again", look(true), 0, 0)
		})
	}
}
