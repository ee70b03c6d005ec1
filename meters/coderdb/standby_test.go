package coderdb

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

// TestStandby checks that collections from a standby leave out only unlogged tables, and
// that no process gets the role there until the standby is promoted.
func TestStandby(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	d := primary.Database(t)
	for _, name := range []string{"schema.sql", "fleet.sql"} {
		d.Exec(t, read(t, name))
	}
	d.Exec(t, "ALTER TABLE tailnet_peers SET UNLOGGED")
	url := d.Role(t, grants)
	want, err := collect(t.Context(), open(t, url))
	if err != nil {
		t.Fatal(err)
	}
	standby := primary.Standby(t)
	d.Exec(t, "UPDATE licenses SET jwt = jwt; CREATE TABLE something ()")

	log := new(log)
	db := open(t, standby.Of(t, url), log.option())
	await(t, "the standby follows", func() bool { _, err := db.Sources().Jobs.RunningJobs(t.Context()); return err == nil })
	for range 2 {
		got, err := collect(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		for name := range want {
			if name != "agents" && got[name] != want[name] {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got[name], want[name])
			}
		}
		if !strings.Contains(got["agents"], `"Name":"main"`) {
			t.Errorf("got agents %s, want main", got["agents"])
		}
		db.forget()
	}
	const unlogged = `level=WARN msg="a standby cannot read an unlogged table" table=tailnet_peers so="tailnet nodes and connection latencies of agents are unknown"`
	if n := log.lines(unlogged); n != 1 {
		t.Errorf("got %d log lines about the table, want 1:\n%s", n, log.String())
	}

	beside := newReporter(t, standby.Of(t, url), log.option())
	if err := checkLock(t, standby.Of(t, url)); !errors.Is(err, reporterlock.ErrStandby) {
		t.Errorf("got error %v, want %v", err, reporterlock.ErrStandby)
	}
	at := newReporter(t, url)
	compete(t, beside)
	stop := compete(t, at)
	watch(t, at, beside)
	awaitOne(t, at)
	log.await(t, `error="`+reporterlock.ErrStandby.Error()+`"`)
	if beside.held() != nil {
		t.Error("the process holds the role on a standby")
	}
	stop()

	standby.Exec(t, "SELECT pg_promote()")
	awaitOne(t, beside)
	if n := log.lines(`error="` + reporterlock.ErrStandby.Error() + `"`); n != 1 {
		t.Errorf("got %d log lines about the standby, want 1", n)
	}
	await(t, "the promotion is noticed", func() bool { _, err := db.Sources().Agents.Agents(t.Context()); return err == nil })
	log.await(t, `msg="the database has every column that some versions lack"`)
}

// TestReporterFindsThePrimary checks that the reporter finds the primary among several hosts.
func TestReporterFindsThePrimary(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	d := primary.Database(t)
	standby := primary.Standby(t)
	_, host, _ := strings.Cut(d.URL, "host=")
	both := standby.Of(t, d.URL) + "%2C" + host
	await(t, "the standby follows", func() bool { return checkLock(t, standby.Of(t, d.URL)) != nil })
	if err := checkLock(t, both); err != nil {
		t.Error(err)
	}
}

// TestStandbyLags checks that statistics which a standby replays late are counted later.
func TestStandbyLags(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	d := primary.Database(t)
	d.Exec(t, read(t, "schema.sql")+";"+read(t, "fleet.sql"))
	url := d.Role(t, grants)
	standby := primary.Standby(t)
	const addSQL = `INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id, rx_bytes, connection_median_latency_ms)
		VALUES (clock_timestamp() - interval '4500 milliseconds', u(502), u(1), u(31), u(11), 7, 1)`
	db, err := Open(t.Context(), standby.Of(t, url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	source := db.Sources().AgentStats
	var bytes int64
	collect := func() bool {
		stats, err := source.AgentStats(t.Context())
		for _, s := range stats {
			bytes += s.RxBytes
		}
		return err == nil
	}
	d.Exec(t, "UPDATE licenses SET jwt = jwt; CREATE TABLE something ()")
	await(t, "the standby follows", collect)

	standby.Exec(t, "SELECT pg_wal_replay_pause()")
	replay := pgtest.At(t, standby.URL)
	await(t, "the replay is paused", func() bool {
		return pgtest.Value[string](t, replay, "SELECT pg_get_wal_replay_pause_state()") == "paused"
	})
	d.Exec(t, addSQL)
	for began := time.Now(); time.Since(began) < time.Second; time.Sleep(50 * time.Millisecond) {
		if !collect() {
			t.Fatal("the collection from the standby fails")
		}
	}
	standby.Exec(t, "SELECT pg_wal_replay_resume()")
	await(t, "the row is counted", func() bool {
		d.Exec(t, "CREATE TABLE IF NOT EXISTS anything (n int); INSERT INTO anything VALUES (1)")
		return collect() && bytes > 0
	})
	if bytes != 7 {
		t.Errorf("got %d bytes, want 7", bytes)
	}
}

// TestEventsOfAStandby checks that events which ended before the process had the role do not
// count, though the standby shows them later.
func TestEventsOfAStandby(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	replayed := noon
	db := open(t, url, clockOption(func() time.Time { return replayed }))
	events := db.eventsFrom(noon.Add(10 * time.Second))
	if _, err := events.next(t.Context()); err != nil {
		t.Fatal(err)
	}
	const jobSQL = `INSERT INTO provisioner_jobs (id, type, provisioner, started_at, completed_at) VALUES (u(9000), 'workspace_build', 'terraform', $1::timestamptz - interval '1 second', $1::timestamptz)`
	d.Exec(t, jobSQL, noon.Add(9*time.Second))
	d.Exec(t, strings.Replace(jobSQL, "9000", "9001", 1), noon.Add(11*time.Second))
	replayed = noon.Add(20 * time.Second)
	e, err := events.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Ended) != 1 || e.Ended[0].Seconds != 1 {
		t.Errorf("got events %+v, want the one that ended 11 s after noon", e.Ended)
	}
}
