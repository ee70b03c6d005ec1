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

// hasty is a shorter timing, long enough for a machine that is busy.
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
		t.Error("a successor may report while its predecessor still does")
	}
	if d.idle <= d.serve {
		t.Error("the server may end a session that grants the role")
	}
	if d.touch*2 >= d.serve {
		t.Error("a touch that is lost ends the term")
	}
	if takeover := d.idle + d.try + d.settle; takeover >= 15*time.Second {
		t.Errorf("a takeover takes %v", takeover)
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

// checkLock checks whether the lock can be held at a database.
func checkLock(t *testing.T, url string) error {
	t.Helper()
	config, err := postgres.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return reporterlock.Check(t.Context(), instrument.Documented, config)
}

// compete lets a reporter compete until the test ends, or the returned function
// is called.
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

// watch fails the test if two ever report at a time, until it ends.
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
					// It reported before and after, so it did in between.
					if i != k && b.Reports() && a.reporting() == term {
						t.Errorf("reporters %d and %d report at a time", i, k)
						return
					}
				}
			}
		}
	}()
	t.Cleanup(func() { close(done); <-ended })
}

// await waits until a condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// held returns the current term, also before this process reports in it, or nil.
func (r *Reporter) held() *lockTerm {
	if term := r.term.Load(); term != nil && term.holds(time.Now()) {
		return term
	}
	return nil
}

// awaitOne waits until one of them reports, and returns it with its term.
func awaitOne(t *testing.T, reporters ...*Reporter) (one *Reporter, term *lockTerm) {
	t.Helper()
	await(t, "one reports", func() bool {
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

// awaitStandBy waits until the process of a term has seen that one stands by.
func awaitStandBy(t *testing.T, d *pgtest.Database, term *lockTerm) {
	t.Helper()
	await(t, "one stands by", func() bool {
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

// endHolder ends the session that has the role.
func endHolder(t *testing.T, d *pgtest.Database) {
	t.Helper()
	d.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE locktype = 'advisory' AND classid = $1 AND objid = 1 AND granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, reporterlock.Class)
}

// log keeps log lines.
type log struct{ logged.Log }

func (l *log) option() Option { return WithLogger(l.Logger()) }

// lines returns how many lines end as given.
func (l *log) lines(end string) int { return strings.Count(l.String(), end+"\n") }

func (l *log) await(t *testing.T, end string) {
	t.Helper()
	await(t, end, func() bool { return l.lines(end) > 0 })
}

// wantNo fails the test if a secret was logged.
func (l *log) wantNo(t *testing.T, secret string) {
	t.Helper()
	if text := l.String(); strings.Contains(text, secret) {
		t.Errorf("logged: %s", text)
	}
}

// TestOneReports of several, as the restricted role, and another as soon as it
// ends.
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
				r.timing.idle = time.Hour // it is given up, not taken away
				r.as13 = as13
				reporters = append(reporters, r)
				stop[r] = compete(t, r)
			}
			watch(t, reporters...)
			for n := 3; n > 0; n-- {
				one, term := awaitOne(t, reporters...)
				if term.resumed {
					t.Error("it goes on from nothing")
				}
				if one.held() != term {
					t.Error("it reports without the role")
				}
				reporters = without(reporters, one)
				for _, r := range reporters {
					if r.held() != nil {
						t.Error("another holds the role too")
					}
				}
				stop[one]()
				if one.Reports() || one.held() != nil {
					t.Error("it reports after it has ended")
				}
			}
			if n := log.lines(`msg="reporting the deployment" in=1.5s`); n != 3 {
				t.Errorf("%d lines of those that report, want 3", n)
			}
			if n := log.lines(`msg="standing by: another process reports the deployment"`); n != 2 {
				t.Errorf("%d lines of those that stand by, want 2", n)
			}
			log.wantNo(t, "staple")
		})
	}
}

// TestEachEditionReports: a database has one reporter for each edition, in any order of
// their starts.
func TestEachEditionReports(t *testing.T) {
	t.Parallel()
	_, url := newDatabase(t, "schema.sql")
	for _, e := range []instrument.Edition{instrument.Documented, instrument.Coder} {
		one := []*Reporter{newReporter(t, url, WithEdition(e)), newReporter(t, url, WithEdition(e))}
		for _, r := range one {
			r.timing.idle = time.Hour // it is given up, not taken away
			r.timing.peers = hasty.touch
			compete(t, r)
		}
		watch(t, one...)
		reports, _ := awaitOne(t, one...)
		await(t, "it knows the one that stands by", func() bool { return len(roleHealth(reports).StandBys) == 1 })
		await(t, "the other one of the edition stands by", func() bool {
			return roleHealth(without(one, reports)[0]).State == health.StandingBy
		})
		defer func() {
			if !reports.Reports() {
				t.Errorf("the reporter of the edition %s has stopped", e)
			}
		}()
	}
}

// TestRoleIsTaken by the server from a session, which is noticed at once.
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
		await(t, "it is noticed", func() bool { return one.held() != term })
		awaitOne(t, reporters...)
	}
}

// TestRoleIsResumed by a process that was alone.
func TestRoleIsResumed(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t)
	d := s.Database(t)
	log := new(log)
	r := newReporter(t, d.URL, log.option())
	compete(t, r)
	_, first := awaitOne(t, r)

	endHolder(t, d)
	await(t, "it is noticed", func() bool { return r.held() != first })
	_, second := awaitOne(t, r)
	log.await(t, `level=INFO msg="reporting the deployment"`) // at once

	s.Stop(t)
	await(t, "it is noticed", func() bool { return r.held() == nil })
	log.await(t, `level=INFO msg="reporting the deployment" in=1.5s`)
	time.Sleep(2 * hasty.settle) // long enough for another, if there were one
	if r.held() != nil {
		t.Error("it holds the role without a server")
	}
	s.Restart(t)
	_, third := awaitOne(t, r)
	if first.resumed || !second.resumed || !third.resumed {
		t.Errorf("resumed: %t, %t, %t", first.resumed, second.resumed, third.resumed)
	}
	if first.epoch != second.epoch || second.epoch != third.epoch {
		t.Errorf("epochs: %d, %d, %d", first.epoch, second.epoch, third.epoch)
	}
	log.wantNo(t, "s3cret")
}

// TestCutSession leaves a hole of two seconds at most, though another process
// stands by: that one has not settled when the first regains the role.
func TestCutSession(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql")
	a, b := newReporter(t, url), newReporter(t, url)
	a.timing, b.timing = defaultReporterTiming, defaultReporterTiming
	b.timing.try = time.Minute // it comes too late for the lock
	compete(t, a)
	_, first := awaitOne(t, a)
	compete(t, b)
	watch(t, a, b)
	awaitStandBy(t, d, first)

	endHolder(t, d)
	await(t, "it is noticed", func() bool { return a.held() != first })
	cut := time.Now()
	_, second := awaitOne(t, a)
	if hole := time.Since(cut); hole > 2*time.Second {
		t.Errorf("a hole of %v", hole)
	}
	if !second.resumed {
		t.Error("it does not go on where it was")
	}
}

// TestServerRestarts with two processes, of which one reports again, and does
// not resume what the other may have told.
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
		t.Error("resumed")
	}
}

// TestFrozen: the server ends the session of a process that is frozen, and
// another takes over. Thawed, the first one stands by.
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
				t.Errorf("the takeover took %v", took)
			}
			thaw()
			log.await(t, `level=INFO msg="standing by: another process reports the deployment"`)
			if a.Reports() || !b.Reports() {
				t.Error("the thawed one reports, or the other does not")
			}
			stop()
			if _, term := awaitOne(t, a); term.resumed {
				t.Error("it resumes what another has told of")
			}
			log.wantNo(t, "staple")
		})
	}
}

// TestFrozenWhileAnotherReported and ended: nobody is left to say so.
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
		t.Error("it resumes what another has told of")
	}
}

// TestResumes tells when a process may go on where it was.
func TestResumes(t *testing.T) {
	timing := defaultReporterTiming
	for _, test := range []struct {
		name    string
		before  time.Duration // from when another stood by to the last touch; 0: none ever did
		refused time.Duration // from the last touch until the lock was refused; 0: it never was
		regains time.Duration // from the last touch until it was got
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
					t.Error("resumes nothing")
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
					t.Errorf("resumed: %t, epoch %d", term.resumed, term.epoch)
				}
			})
		})
	}
}

// TestReporterAway says once what is wrong, and no password.
func TestReporterAway(t *testing.T) {
	t.Parallel()
	l := pgtest.Listen(t)
	l.Close()
	log := new(log)
	url := "postgres://otelcoder:hunter2@" + l.Addr().String() + "/coder?sslmode=disable"
	r := newReporter(t, url, log.option())
	if err := checkLock(t, url); err == nil || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
	compete(t, r)
	await(t, "a line", func() bool { return log.lines("connect: connection refused\"") == 1 })
	time.Sleep(5 * hasty.try)
	if n := log.lines(""); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	log.wantNo(t, "hunter2")

	if _, err := NewReporter("postgres://otelcoder:hunter2@[/"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}
