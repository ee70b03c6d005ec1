package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// statusReport is a part of the status page as JSON.
type statusReport struct {
	State      string
	Role       health.Role
	Database   health.Database
	Sources    []health.Source
	Deployment *struct{}
}

func (s *service) untilStatus(t *testing.T, what string, wanted func(statusReport) bool) (r statusReport) {
	t.Helper()
	s.until(t, "/status?format=json", what, func(text string) bool {
		r = statusReport{}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		return wanted(r)
	})
	return r
}

func TestStatusDuringAnOutage(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	tcp := server.ListenTCP(t)
	db := server.Database(t)
	db.Exec(t, live(t))
	url := tcp(db.Role(t, grants))
	s := start(t, url)
	well := func(r statusReport) bool {
		return r.State == "ok" && r.Role.State == health.Reporting && r.Deployment != nil
	}
	r := s.untilStatus(t, "it reports", well)
	if r.Database.Name != db.Name() || !strings.HasPrefix(r.Database.Address, "127.0.0.1:") {
		t.Errorf("database %+v", r.Database)
	}

	stopped := time.Now()
	server.Stop(t)
	r = s.untilStatus(t, "the cause of the outage is shown", func(r statusReport) bool {
		return r.State == "unreachable" && r.Role.Problem != nil && strings.Contains(r.Role.Problem.Error, "connection refused")
	})
	p := r.Role.Problem
	if r.Deployment != nil || !strings.Contains(p.Remedy, "Check that PostgreSQL runs") || p.Runbook != "OtelcoderDatabaseDown" ||
		p.Since.Before(stopped.Add(-time.Second)) || p.Since.After(time.Now()) {
		t.Errorf("deployment %v, problem %+v, stopped at %v", r.Deployment, p, stopped)
	}
	if page := get(t, s.metrics+"/status"); !strings.Contains(page, "Database unreachable") || strings.Contains(page, "staple") {
		t.Error("the page does not say that the database is unreachable, or shows the password")
	}

	server.Restart(t)
	s.untilStatus(t, "it reports again", func(r statusReport) bool { return r.Role.State == health.Reporting && r.Deployment != nil })
}

func TestAStandbyNamesTheReporter(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	tcp := server.ListenTCP(t)
	db := server.Database(t)
	db.Exec(t, live(t))
	url := tcp(db.Role(t, grants))
	one := start(t, url)
	one.untilStatus(t, "the first one reports", func(r statusReport) bool { return r.Role.State == health.Reporting })
	two := start(t, url)
	r := two.untilStatus(t, "the second one names the first", func(r statusReport) bool {
		return r.Role.State == health.StandingBy && r.Role.Reporter == "127.0.0.1"
	})
	if r.State != "standing_by" || r.Deployment != nil {
		t.Errorf("state %q, deployment %v", r.State, r.Deployment)
	}
	one.untilStatus(t, "the first one names the second", func(r statusReport) bool {
		return r.Role.State == health.Reporting && len(r.Role.StandBys) == 1 && r.Role.StandBys[0] == "127.0.0.1"
	})
}

func TestStatusNamesTheGrants(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, live(t))
	var role string
	url := db.Role(t, func(name string) string {
		role = name
		return coderschema.Grants(instrument.Documented, name) + "REVOKE ALL ON licenses FROM " + name + ";"
	})
	s := start(t, url)
	s.untilStatus(t, "the command is shown", func(r statusReport) bool {
		for _, source := range r.Sources {
			if source.Name == "license" && source.Problem != nil {
				return source.Problem.Command == "otelcoder grants --role "+role+` | psql "$OWNER_URL"`
			}
		}
		return false
	})
}
