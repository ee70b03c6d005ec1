package coderdb

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
)

// hasty is a shorter timing that still works on a busy machine.
var hasty = reporterTiming{
	try:           50 * time.Millisecond,
	touch:         200 * time.Millisecond,
	serve:         1500 * time.Millisecond,
	idle:          1800 * time.Millisecond,
	settle:        1500 * time.Millisecond,
	standByExpiry: time.Minute,
}

func TestDefaultReporterTiming(t *testing.T) {
	d := defaultReporterTiming
	if d.settle < d.serve {
		t.Error("a successor may report while its predecessor still reports")
	}
	if d.idle <= d.serve {
		t.Error("the server may end a session that grants the role")
	}
	if d.touch*2 >= d.serve {
		t.Error("one lost touch ends the term")
	}
	if takeover := d.idle + d.try + d.settle; takeover >= 15*time.Second {
		t.Errorf("got takeover within %v, want less than 15s", takeover)
	}
}

func newReporter(t *testing.T, url string, options ...Option) *Reporter {
	t.Helper()
	r, err := NewReporter(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	r.timing = hasty
	return r
}

// checkLock checks whether the lock of the database can be held.
func checkLock(t *testing.T, url string) error {
	t.Helper()
	config, err := postgres.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return reporterlock.Check(t.Context(), instrument.Documented, config)
}

// compete runs the reporter until stop is called or the test ends.
func compete(t *testing.T, r *Reporter) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// watch fails the test if two reporters report at the same time, until the test ends.
func watch(t *testing.T, reporters ...*Reporter) {
	t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(500 * time.Microsecond):
			}
			for i, a := range reporters {
				term := a.reporting()
				if term == nil {
					continue
				}
				for k, b := range reporters {
					// a reported before and after, so it also reported in between.
					if i != k && b.Reports() && a.reporting() == term {
						t.Errorf("reporters %d and %d report at the same time", i, k)
						return
					}
				}
			}
		}
	}()
	t.Cleanup(func() { close(done); <-ended })
}

// await waits until the condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// held returns the current term, also before the process reports in it, or nil.
func (r *Reporter) held() *lockTerm {
	if term := r.term.Load(); term != nil && term.holds(time.Now()) {
		return term
	}
	return nil
}

// awaitOne waits until one of the reporters reports, and returns it with its term.
func awaitOne(t *testing.T, reporters ...*Reporter) (one *Reporter, term *lockTerm) {
	t.Helper()
	await(t, "a reporter reports", func() bool {
		for _, r := range reporters {
			if term = r.reporting(); term != nil {
				one = r
				return true
			}
		}
		return false
	})
	return one, term
}

// awaitStandBy waits until the process of the term has seen that another stands by.
func awaitStandBy(t *testing.T, d *pgtest.Database, term *lockTerm) {
	t.Helper()
	await(t, "a reporter stands by", func() bool {
		return pgtest.Value[int](t, d, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objid = 2
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, reporterlock.Class) == 1
	})
	sent := term.lease.Load().sent
	await(t, "two touches", func() bool { return term.lease.Load().sent.Sub(sent) > hasty.touch*3/2 })
}

func without(reporters []*Reporter, one *Reporter) []*Reporter {
	var others []*Reporter
	for _, r := range reporters {
		if r != one {
			others = append(others, r)
		}
	}
	return others
}

// endHolder terminates the session that holds the lock.
func endHolder(t *testing.T, d *pgtest.Database) {
	t.Helper()
	d.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE locktype = 'advisory' AND classid = $1 AND objid = 1 AND granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, reporterlock.Class)
}

// log keeps log lines.
type log struct{ logged.Log }

func (l *log) option() Option { return WithLogger(l.Logger()) }

// lines returns the number of lines that end with end.
func (l *log) lines(end string) int { return strings.Count(l.String(), end+"\n") }

func (l *log) await(t *testing.T, end string) {
	t.Helper()
	await(t, end, func() bool { return l.lines(end) > 0 })
}

// wantNo fails the test if the secret was logged.
func (l *log) wantNo(t *testing.T, secret string) {
	t.Helper()
	if text := l.String(); strings.Contains(text, secret) {
		t.Errorf("got log with %q, want none:\n%s", secret, text)
	}
}

// TestOneReports checks that one of several processes reports, and another one takes over
// when it ends. They connect as the restricted role.
func TestOneReports(t *testing.T) {
	for name, as13 := range map[string]bool{"PostgreSQL 14": false, "PostgreSQL 13": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := newDatabase(t, "schema.sql")
			log := new(log)
			var reporters []*Reporter
			stop := make(map[*Reporter]func())
			for range 3 {
				r := newReporter(t, url, log.option())
				r.timing.idle = time.Hour // the role is given up, never taken by the server
				r.as13 = as13
				reporters = append(reporters, r)
				stop[r] = compete(t, r)
			}
			watch(t, reporters...)
			for n := 3; n > 0; n-- {
				one, term := awaitOne(t, reporters...)
				if term.resumed {
					t.Error("the first term of a process is resumed")
				}
				if one.held() != term {
					t.Error("the process reports without the role")
				}
				reporters = without(reporters, one)
				for _, r := range reporters {
					if r.held() != nil {
						t.Error("another process holds the role too")
					}
				}
				stop[one]()
				if one.Reports() || one.held() != nil {
					t.Error("the process reports after its end")
				}
			}
			if n := log.lines(`msg="reporting the deployment" in=1.5s`); n != 3 {
				t.Errorf("got %d log lines of reporting processes, want 3", n)
			}
			if n := log.lines(`msg="standing by: another process reports the deployment"`); n != 2 {
				t.Errorf("got %d log lines of standbys, want 2", n)
			}
			log.wantNo(t, "staple")
		})
	}
}

// TestEachEditionReports checks that a database has one reporter for each edition.
func TestEachEditionReports(t *testing.T) {
	t.Parallel()
	_, url := newDatabase(t, "schema.sql")
	for _, e := range []instrument.Edition{instrument.Documented, instrument.Coder} {
		one := []*Reporter{newReporter(t, url, WithEdition(e)), newReporter(t, url, WithEdition(e))}
		for _, r := range one {
			r.timing.idle = time.Hour // the role is given up, never taken by the server
			r.timing.peers = hasty.touch
			compete(t, r)
		}
		watch(t, one...)
		reports, _ := awaitOne(t, one...)
		await(t, "the reporter knows its standby", func() bool { return len(roleHealth(reports).StandBys) == 1 })
		await(t, "the other process of the edition stands by", func() bool {
			return roleHealth(without(one, reports)[0]).State == health.StandingBy
		})
		defer func() {
			if !reports.Reports() {
				t.Errorf("the reporter of the edition %s no longer reports", e)
			}
		}()
	}
}

// TestRoleIsTaken checks that a process notices at once when the server terminates the
// session that holds the role.
func TestRoleIsTaken(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql")
	reporters := []*Reporter{newReporter(t, url), newReporter(t, url), newReporter(t, url)}
	for _, r := range reporters {
		r.timing.touch, r.timing.serve = time.Hour, time.Hour
		compete(t, r)
	}
	watch(t, reporters...)
	for range 3 {
		one, term := awaitOne(t, reporters...)
		endHolder(t, d)
		await(t, "the loss is noticed", func() bool { return one.held() != term })
		awaitOne(t, reporters...)
	}
}

// TestRoleIsResumed checks that a process without competitors resumes its term after a cut
// session and after a restart of the server.
func TestRoleIsResumed(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	d := s.Database(t)
	log := new(log)
	r := newReporter(t, d.URL, log.option())
	compete(t, r)
	_, first := awaitOne(t, r)

	endHolder(t, d)
	await(t, "the loss is noticed", func() bool { return r.held() != first })
	_, second := awaitOne(t, r)
	log.await(t, `level=INFO msg="reporting the deployment"`) // without a delay

	s.Stop(t)
	await(t, "the loss is noticed", func() bool { return r.held() == nil })
	log.await(t, `level=INFO msg="reporting the deployment" in=1.5s`)
	time.Sleep(2 * hasty.settle) // enough for another process to take over, if there were one
	if r.held() != nil {
		t.Error("the process holds the role without a server")
	}
	s.Restart(t)
	_, third := awaitOne(t, r)
	if first.resumed || !second.resumed || !third.resumed {
		t.Errorf("got resumed %t, %t, %t, want false, true, true", first.resumed, second.resumed, third.resumed)
	}
	if first.epoch != second.epoch || second.epoch != third.epoch {
		t.Errorf("got epochs %d, %d, %d, want them equal", first.epoch, second.epoch, third.epoch)
	}
	log.wantNo(t, "s3cret")
}

// TestCutSession checks that a cut session leaves a gap of at most two seconds if another
// process stands by: the standby has not settled when the first process regains the role.
func TestCutSession(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql")
	a, b := newReporter(t, url), newReporter(t, url)
	a.timing, b.timing = defaultReporterTiming, defaultReporterTiming
	b.timing.try = time.Minute // too late to take the lock
	compete(t, a)
	_, first := awaitOne(t, a)
	compete(t, b)
	watch(t, a, b)
	awaitStandBy(t, d, first)

	endHolder(t, d)
	await(t, "the loss is noticed", func() bool { return a.held() != first })
	cut := time.Now()
	_, second := awaitOne(t, a)
	if hole := time.Since(cut); hole > 2*time.Second {
		t.Errorf("got a gap of %v, want at most 2s", hole)
	}
	if !second.resumed {
		t.Error("the term is not resumed")
	}
}

// TestServerRestarts checks that one of two processes reports again after a restart of the
// server, and does not resume its term, since the other may have reported meanwhile.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	d := s.Database(t)
	a, b := newReporter(t, d.URL), newReporter(t, d.URL)
	compete(t, a)
	_, first := awaitOne(t, a)
	compete(t, b)
	watch(t, a, b)
	awaitStandBy(t, d, first)

	s.Stop(t)
	time.Sleep(2 * hasty.settle)
	s.Restart(t)
	if _, term := awaitOne(t, a, b); term.resumed {
		t.Error("the term is resumed")
	}
}

// TestFrozen checks that the server ends the session of a frozen process, another process
// takes over, and the thawed process stands by.
func TestFrozen(t *testing.T) {
	for name, as13 := range map[string]bool{"PostgreSQL 14": false, "PostgreSQL 13": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := newDatabase(t, "schema.sql")
			p := pgtest.NewProxy(t, url)
			log := new(log)
			a, b := newReporter(t, p.URL, log.option()), newReporter(t, url)
			a.as13 = as13
			compete(t, a)
			awaitOne(t, a)
			stop := compete(t, b)
			watch(t, a, b)

			thaw := p.Silence()
			defer thaw()
			frozen := time.Now()
			awaitOne(t, b)
			took, busy := time.Since(frozen), 10*time.Second
			if took > hasty.idle+hasty.try+hasty.settle+busy {
				t.Errorf("the takeover took %v, want at most %v", took, hasty.idle+hasty.try+hasty.settle+busy)
			}
			thaw()
			log.await(t, `level=INFO msg="standing by: another process reports the deployment"`)
			if a.Reports() || !b.Reports() {
				t.Error("the thawed process reports, or the other one does not")
			}
			stop()
			if _, term := awaitOne(t, a); term.resumed {
				t.Error("the process resumes its term, though another one has reported")
			}
			log.wantNo(t, "staple")
		})
	}
}

// TestFrozenWhileAnotherReported checks that a thawed process does not resume its term if
// another process reported and ended while it was frozen.
func TestFrozenWhileAnotherReported(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql")
	p := pgtest.NewProxy(t, url)
	a, b := newReporter(t, p.URL), newReporter(t, url)
	compete(t, a)
	_, term := awaitOne(t, a)
	stop := compete(t, b)
	watch(t, a, b)
	awaitStandBy(t, d, term)

	thaw := p.Silence()
	defer thaw()
	awaitOne(t, b)
	stop()
	thaw()
	if _, term := awaitOne(t, a); term.resumed {
		t.Error("the process resumes its term, though another one has reported")
	}
}

// TestResumes checks when a process may resume its term.
func TestResumes(t *testing.T) {
	timing := defaultReporterTiming
	for _, test := range []struct {
		name    string
		before  time.Duration // from the last sight of a standby to the last touch; 0: no standby
		refused time.Duration // from the last touch to a refused lock; 0: not refused
		regains time.Duration // from the last touch to the regained lock
		want    bool
	}{
		{"alone, at once", 0, 0, time.Second, true},
		{"alone, after a day", 0, 0, 24 * time.Hour, true},
		{"its own last session was in the way", 0, 7 * time.Second, 8 * time.Second, true},
		{"another took the role", 0, 9 * time.Second, 20 * time.Second, false},
		{"with a standby, before another can report", time.Nanosecond, time.Second, 5999 * time.Millisecond, true},
		{"with a standby, when another may have", time.Nanosecond, 0, 6 * time.Second, false},
		{"with a standby until a minute before", time.Minute, 0, 6 * time.Second, false},
		{"with a standby until earlier", time.Minute + 1, 0, 6 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var past tenure
				first := past.begin(timing, time.Now())
				if first.resumed {
					t.Error("the first term is resumed")
				}
				time.Sleep(timing.settle)
				past.extend(first, &lease{sent: time.Now()}, false)
				if test.before > 0 {
					past.standBySeen = past.reported.Add(-test.before)
				}
				time.Sleep(test.refused)
				if test.refused > 0 {
					past.refused(timing, time.Now())
				}
				time.Sleep(test.regains - test.refused)
				term := past.begin(timing, time.Now())
				if term.resumed != test.want || term.epoch == 1 != test.want {
					t.Errorf("got resumed %t, epoch %d; want %t", term.resumed, term.epoch, test.want)
				}
			})
		})
	}
}

// TestReporterAway checks that an unreachable database is logged once, without the password.
func TestReporterAway(t *testing.T) {
	t.Parallel()
	l := pgtest.Listen(t)
	l.Close()
	log := new(log)
	url := "postgres://otelcoder:hunter2@" + l.Addr().String() + "/coder?sslmode=disable"
	r := newReporter(t, url, log.option())
	if err := checkLock(t, url); err == nil || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got error %v, want one line without the password", err)
	}
	compete(t, r)
	await(t, "the failure is logged", func() bool { return log.lines("connect: connection refused\"") == 1 })
	time.Sleep(5 * hasty.try)
	if n := log.lines(""); n != 1 {
		t.Errorf("got %d log lines, want 1", n)
	}
	log.wantNo(t, "hunter2")

	if _, err := NewReporter("postgres://otelcoder:hunter2@[/"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got error %v, want one without the password", err)
	}
}
