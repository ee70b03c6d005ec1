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

// logs waits for the log to match a pattern.
func logs(t *testing.T, log *logged.Log, pattern string) []string {
	t.Helper()
	select {
	case match := <-log.Find(regexp.MustCompile(pattern)):
		return match
	case <-time.After(time.Minute):
		t.Fatalf("not within a minute: %s in\n%s", pattern, log)
		return nil
	}
}

// A hang-up ends nothing. With a file of the URL it makes the service reconnect,
// and it keeps the connections if the file is broken.
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
		t.Error("it has lost the role")
	}

	db.Exec(t, "ALTER ROLE "+u.User.Username()+" PASSWORD 'hunter2'")
	write(t, file, u.String())
	hangUp(`msg="reconnecting to the database by --postgres-url-file"\n(?s:.*)msg="reporting the deployment"`)
	s.untilFollowing(t)
	if text := log.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "level=WARN") {
		t.Errorf("the log:\n%s", text)
	}

	command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// A hang-up without a file of the URL changes nothing, and the last push is made
// as ever.
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
		t.Error("it has lost the role")
	}
	command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil || strings.Contains(log.String(), "reconnecting") {
		t.Errorf("ended with %v:\n%s", err, log)
	}
}

// TestDebugLevel: troubleshooting recommends it.
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
