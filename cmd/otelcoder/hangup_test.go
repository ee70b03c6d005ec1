package main

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/internal/logged"
)

// logs waits until the log matches a pattern, and returns the match.
func logs(t *testing.T, log *logged.Log, pattern string) []string {
	t.Helper()
	select {
	case match := <-log.Find(regexp.MustCompile(pattern)):
		return match
	case <-time.After(time.Minute):
		t.Fatalf("no match of %s within a minute in\n%s", pattern, log)
		return nil
	}
}

// TestHangup checks that SIGHUP does not end the service. With --postgres-url-file it makes the
// service reconnect, or keep its connections if the URL in the file is invalid.
func TestHangup(t *testing.T) {
	t.Parallel()
	db, first := deployment(t, live(t))
	file := filepath.Join(t.TempDir(), "url")
	write(t, file, first+"\n")
	command, s := startServer(t, "CODER_PG_CONNECTION_URL=", "OTELCODER_POSTGRES_URL_FILE="+file)
	log := s.log
	s.untilFollowing(t)

	hangUp := func(want string) {
		t.Helper()
		log.Take()
		if err := command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		logs(t, log, `msg="SIGHUP: the web configuration file needs no reload"\n(?s:.*)`+want)
	}
	u, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "hunter2")
	write(t, file, "mysql://otelcoder:hunter2@host/coder")
	hangUp(`level=ERROR msg="cannot reconnect to the database: its URL cannot be used" error=`)
	if scrape := get(t, s.metrics+"/metrics"); !has(scrape, "otelcoder_reporter 1") {
		t.Error("the service has lost the role")
	}

	db.Exec(t, "ALTER ROLE "+u.User.Username()+" PASSWORD 'hunter2'")
	write(t, file, u.String())
	hangUp(`msg="reconnecting to the database by --postgres-url-file"\n(?s:.*)msg="reporting the deployment"`)
	s.untilFollowing(t)
	if text := log.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "level=WARN") {
		t.Errorf("a password or a warning in the log:\n%s", text)
	}

	command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestHangupWithoutFile checks that SIGHUP changes nothing without --postgres-url-file, and that
// SIGTERM then ends the service as usual.
func TestHangupWithoutFile(t *testing.T) {
	t.Parallel()
	_, address := deployment(t, live(t))
	command, s := startServer(t, "CODER_PG_CONNECTION_URL="+address)
	log := s.log
	s.untilFollowing(t)
	log.Take()
	for range 2 {
		command.Process.Signal(syscall.SIGHUP)
		logs(t, log, `msg="SIGHUP: the web configuration file needs no reload"\n`)
	}
	if scrape := get(t, s.metrics+"/metrics"); !has(scrape, "otelcoder_reporter 1") {
		t.Error("the service has lost the role")
	}
	command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil || strings.Contains(log.String(), "reconnecting") {
		t.Errorf("ended with %v:\n%s", err, log)
	}
}

// TestDebugLevel checks the lines of level DEBUG, which docs/troubleshooting.md recommends.
func TestDebugLevel(t *testing.T) {
	t.Parallel()
	_, address := deployment(t, live(t))
	s := start(t, address, "--log-level", "debug")
	for _, line := range []string{
		`level=DEBUG msg=collected source=agents rows=\d+ series=\d+ duration=`,
		`level=DEBUG msg=collected source=license rows=1 series=\d duration=`,
		`level=DEBUG msg="the role is taken" resumed=false`,
		`level=DEBUG msg="looked for events" running=\d+ ended=\d+ scripts=\d+ more=false duration=`,
	} {
		logs(t, s.log, line)
	}
}
