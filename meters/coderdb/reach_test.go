package coderdb

import (
	"errors"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
)

// refusing returns an address that refuses connections.
func refusing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestConnectErrorOnce checks that the error of a failed connection contains each cause once,
// not once with TLS and once without.
func TestConnectErrorOnce(t *testing.T) {
	t.Parallel()
	one, other := refusing(t), refusing(t)
	for url, want := range map[string]string{
		"postgres://otelcoder@" + one + "/coder":                 one + ": connect: connection refused",
		"postgres://otelcoder@" + one + "/coder?sslmode=disable": one + ": connect: connection refused",
		"postgres://otelcoder@" + one + "," + other + "/coder":   one + ": connect: connection refused, " + other + ": connect: connection refused",
	} {
		want = "connect to the database: failed to connect to `user=otelcoder database=coder`: " + want
		if err := checkLock(t, url); err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", url, err, want)
		}
	}

	err := checkLock(t, "postgres://otelcoder@host.invalid/coder")
	if err == nil || strings.Count(err.Error(), "lookup host.invalid") != 1 {
		t.Errorf("got error %v, want the failed lookup once", err)
	}
	_, url := newDatabase(t, "schema.sql")
	url = regexp.MustCompile(`:[^:@/]*@`).ReplaceAllString(url, ":wrong@")
	err = checkLock(t, url)
	if err == nil || strings.Count(err.Error(), "password authentication failed") != 1 {
		t.Errorf("got error %v, want the failed authentication once", err)
	}
}

// TestOutageIsLoggedOnce checks that the sources and the role together log one line when the
// database becomes unreachable, and one when it is reachable again.
func TestOutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	d := server.Database(t)
	d.Exec(t, read(t, "schema.sql"))
	url := d.Role(t, grants)
	server.Stop(t)

	log := new(logged.Log)
	logging := WithLogger(log.LoggerAt(slog.LevelDebug))
	db := open(t, url, logging)
	reporter := newReporter(t, url, logging)
	compete(t, reporter)
	ask := func() (err error) {
		t.Helper()
		for _, c := range collections {
			if c.name == "events" {
				continue
			}
			_, err = c.collect(t.Context(), db, db.Sources())
			if logged := new(meters.LoggedError); err != nil && !errors.As(err, &logged) {
				t.Errorf("got error %T, want a LoggedError: %v", err, err)
			}
		}
		return err
	}
	for range 3 {
		if ask() == nil {
			t.Fatal("a collection from the stopped server succeeds")
		}
	}
	count := func(text string) int { return strings.Count(log.String(), text) }
	await(t, "the outage is logged", func() bool { return count("unreachable") > 0 })
	server.Restart(t)
	awaitOne(t, reporter)
	if err := ask(); err != nil {
		t.Error(err)
	}
	await(t, "the recovery is logged", func() bool { return count(`msg="the database is reachable again"`) == 1 })
	for line := range strings.Lines(log.String()) {
		if warning := strings.HasPrefix(line, "level=WARN"); warning && (!strings.Contains(line, `msg="the database is unreachable"`) || count(line) != 1) {
			t.Errorf("logged %d times: %s", count(line), line)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}

// TestDebugLog checks that changes of the role and looks for events are logged at level DEBUG.
func TestDebugLog(t *testing.T) {
	t.Parallel()
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	log := new(logged.Log)
	p := start(t, url, WithLogger(log.LoggerAt(slog.LevelDebug)))
	p.awaitFollowing(t)
	endHolder(t, d)
	for _, line := range []string{
		`level=DEBUG msg="the role is taken" resumed=false`,
		`level=DEBUG msg="looked for events" running=\d+ ended=0 scripts=0 more=false duration=\S+`,
		`level=DEBUG msg="the role is lost or given up"`,
		`level=WARN msg="no process can report the deployment through this connection" error=.*`,
	} {
		select {
		case <-log.Find(regexp.MustCompile(`(?m)^` + line + `$`)):
		case <-time.After(patience):
			t.Errorf("no line %s in\n%s", line, log)
		}
	}
}
