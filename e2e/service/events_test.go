package service_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// endedBuild inserts a build that ends now, with its own template version.
const endedBuild = `
WITH version AS (INSERT INTO template_versions (id, template_id, name) VALUES (u(10000 + $1::int), u(11), 'e' || $1::int)),
	job AS (INSERT INTO provisioner_jobs (id, started_at, completed_at)
		VALUES (u(10000 + $1::int), clock_timestamp() - interval '1 second', clock_timestamp()))
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id)
	VALUES (u(10000 + $1::int), now(), u(31), u(10000 + $1::int), 10000 + $1::int, 'start', u(10000 + $1::int))`

// builder adds ended builds to a deployment.
type builder struct {
	t    *testing.T
	conn *pgx.Conn
	last int // number of the last build that has ended
}

func newBuilder(t *testing.T, d *pgtest.Database) *builder {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return &builder{t: t, conn: conn}
}

// until adds builds until a condition holds.
func (b *builder) until(what string, condition func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(faultTime); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("not within %v: %s", faultTime, what)
		}
		b.last++
		if _, err := b.conn.Exec(b.t.Context(), endedBuild, b.last); err != nil {
			b.t.Fatal(err)
		}
	}
}

// counted returns the count of each build in a scrape of a replica, by number.
func counted(t *testing.T, s *service.Service) map[int]int {
	t.Helper()
	response, err := once.Get(s.Metrics + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	counts := make(map[int]int)
	for _, m := range countedBuild.FindAllStringSubmatch(string(body), -1) {
		number, _ := strconv.Atoi(m[1])
		count, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		counts[number] += count
	}
	return counts
}

var countedBuild = regexp.MustCompile(`(?m)^coderd_workspace_builds_total\{.*template_version="e(\d+)".*\} (\S+)$`)

// TestEvents checks that events are counted once when the role changes. A process that
// loses the role and regains it, without another reporter in between, counts every
// event. Of two processes that report one after the other, none counts an event again.
func TestEvents(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	db := server.Database(t)
	service.Deployment(t, db)
	b := newBuilder(t, db)
	address := db.Role(t, grants)
	one := startReplica(t, "the first", address)
	reports := func(r *replica) func() bool {
		since := time.Now()
		return func() bool { return r.reportsSince(since) }
	}
	// follows returns a condition that holds once a replica has counted a build that
	// was added later. Earlier builds that are not counted by then never will be.
	follows := func(r *replica) func() bool {
		n := b.last
		return func() bool {
			for number := range counted(t, r.Service) {
				if number > n {
					return true
				}
			}
			return false
		}
	}
	b.until("the first reports", reports(one))
	b.until("the first follows", follows(one))
	first := b.last

	one.proxy.Cut() // the role is regained at once
	b.until("the cut is over", after(3*time.Second))
	b.until("after a cut connection", reports(one))

	one.Freeze()
	since := time.Now()
	b.until("the server ends the frozen session", func() bool { return time.Since(since) > 9*time.Second })
	one.Thaw()
	b.until("after SIGSTOP", reports(one))

	speak := one.proxy.Silence()
	since = time.Now()
	b.until("the server ends the silent session", func() bool { return time.Since(since) > 9*time.Second })
	speak()
	b.until("after a silent network", reports(one))

	last := b.last
	b.until("all is counted", follows(one))
	counts := counted(t, one.Service)
	for n := first; n <= last; n++ {
		if counts[n] != 1 {
			t.Errorf("the first lost the role three times: got build %d of %d to %d counted %d times, want once", n, first, last, counts[n])
		}
	}
	t.Logf("%d builds ended while the role was lost and regained, all counted once", last-first+1)

	two := startReplica(t, "the second", address)
	b.until("the second stands by", func() bool { return standsBy(t, db) })
	b.until("the first has seen the second stand by", after(5*time.Second))
	speak = one.proxy.Silence()
	b.until("the second reports", reports(two))
	b.until("the second follows", follows(two))
	from := b.last
	speak()
	b.until("some more", after(3*time.Second))
	to := b.last
	b.until("the second has counted them", follows(two))
	countsOfTwo := counted(t, two.Service)
	two.Stop(t)
	b.until("the first reports again", reports(one))
	b.until("the first follows again", follows(one))
	counts = counted(t, one.Service)
	for n := range b.last {
		switch sum := counts[n] + countsOfTwo[n]; {
		case sum > 1:
			t.Errorf("build %d: got %d counts, want at most 1", n, sum)
		case n >= from && n <= to && countsOfTwo[n] != 1:
			t.Errorf("build %d ended while the second reported: got %d counts by the first and %d by the second, want 0 and 1", n, counts[n], countsOfTwo[n])
		}
	}
}

// standsBy reports whether a process holds the advisory lock of the processes standing by.
func standsBy(t *testing.T, db *pgtest.Database) bool {
	return pgtest.Value[int](t, db, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 2
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) > 0
}

// after returns a condition that holds after some time.
func after(d time.Duration) func() bool {
	since := time.Now()
	return func() bool { return time.Since(since) > d }
}
