package coderdb

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/coderversions"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// The families that are read together, and the lists of those that need a column.
const (
	ofAgents = " coderd_agents_apps coderd_agents_connection_latencies_seconds coderd_agents_connections coderd_agents_up coderd_agentstats_startup_script_seconds"
	ofStats  = " coderd_agentstats_connection_count coderd_agentstats_connection_median_latency_seconds coderd_agentstats_rx_bytes coderd_agentstats_session_count_jetbrains" +
		" coderd_agentstats_session_count_reconnecting_pty coderd_agentstats_session_count_ssh coderd_agentstats_session_count_vscode coderd_agentstats_tx_bytes"
	ofApps       = " coderd_agents_apps"
	ofUse        = " coderd_insights_applications_usage_seconds"
	ofSessions   = ofUse + " coderd_insights_templates_active_users"
	ofParameters = " coderd_insights_parameters"
	ofInsights   = ofSessions + ofParameters
	ofLicense    = " coderd_license_active_users coderd_license_limit_users coderd_license_user_limit_enabled"
	ofScripts    = " agent_scripts_executed_total"
	ofEvents     = ofScripts + " coderd_provisionerd_job_timings_seconds coderd_workspace_builds_total"
	ofUsers      = " coderd_api_active_users_duration_hour"
	ofBuilds     = " coderd_api_workspace_latest_build_total"
	ofJobs       = " coderd_provisionerd_jobs_current"
)

// costs are the families of the edition documented that a missing column costs. Columns
// that are not listed cost none.
var costs = map[string]map[string]string{
	"users": {
		"id": ofAgents + ofStats + ofEvents, "username": ofAgents + ofStats + ofEvents, "email": ofEvents,
		"status": ofLicense, "deleted": ofLicense,
		// System users and service accounts then count as users.
		"is_system": " coderd_license_active_users", "is_service_account": " coderd_license_active_users",
	},
	"api_keys":          {"user_id": ofUsers, "last_used": ofUsers},
	"templates":         {"id": ofAgents + ofInsights + ofEvents, "name": ofAgents + ofInsights + ofEvents},
	"template_versions": {"id": ofParameters + ofEvents, "template_id": ofParameters, "name": ofEvents},
	"workspaces": {
		"id": ofAgents + ofStats + ofUse + ofBuilds + ofEvents, "owner_id": ofAgents + ofEvents,
		"template_id": ofAgents + ofUse + ofEvents, "name": ofAgents + ofStats + ofEvents, "deleted": ofAgents + ofBuilds,
	},
	"workspace_builds": {
		"id": ofParameters, "created_at": ofParameters, "workspace_id": ofAgents + ofParameters + ofBuilds + ofEvents,
		"template_version_id": ofParameters + ofEvents, "build_number": ofAgents + ofParameters + ofBuilds,
		"transition": ofEvents, "job_id": ofAgents + ofBuilds + ofEvents,
	},
	"provisioner_jobs": {
		"id": ofBuilds + ofEvents, "provisioner": ofJobs + ofEvents, "worker_id": ofEvents,
		"started_at": ofJobs + ofEvents, "completed_at": ofJobs + ofEvents,
		"job_status": "", // follows from other columns
	},
	"workspace_resources": {"id": ofAgents + ofEvents, "job_id": ofAgents + ofEvents},
	"workspace_agents": {
		"id": ofAgents + ofStats + ofEvents, "resource_id": ofAgents + ofEvents, "name": ofAgents + ofStats + ofEvents,
		"created_at": ofAgents, "first_connected_at": ofAgents, "last_connected_at": ofAgents, "disconnected_at": ofAgents,
		"connection_timeout_seconds": ofAgents, "lifecycle_state": ofAgents, "started_at": ofAgents, "ready_at": ofAgents,
		// Deleted agents then count as agents.
		"deleted": " coderd_agents_connections coderd_agents_up",
	},
	"workspace_apps": {"agent_id": ofApps + ofUse, "display_name": ofApps + ofUse, "slug": ofUse, "health": ofApps},
	"workspace_agent_stats": {
		"created_at": ofStats + ofSessions, "user_id": ofStats + ofSessions, "agent_id": ofStats, "workspace_id": ofStats, "template_id": ofSessions,
		"rx_bytes": ofStats, "tx_bytes": ofStats, "connection_count": ofStats + ofSessions, "connection_median_latency_ms": ofStats,
		"session_count_vscode": ofStats + ofSessions, "session_count_jetbrains": ofStats + ofSessions,
		"session_count_reconnecting_pty": ofStats + ofSessions, "session_count_ssh": ofStats + ofSessions,
	},
	"workspace_app_stats": {
		"user_id": ofUse, "workspace_id": ofUse, "agent_id": ofUse, "slug_or_port": ofUse,
		"session_started_at": ofUse, "session_ended_at": ofUse,
	},
	"workspace_agent_scripts":        {"id": ofScripts, "workspace_agent_id": ofScripts},
	"workspace_agent_script_timings": {"script_id": ofScripts, "started_at": ofScripts, "ended_at": ofScripts, "status": ofScripts},
	"template_version_parameters":    {"template_version_id": ofParameters, "name": ofParameters, "type": ofParameters},
	"workspace_build_parameters":     {"workspace_build_id": ofParameters, "name": ofParameters, "value": ofParameters},
	"licenses":                       {"jwt": ofLicense},
	// The nodes of agents are then unknown.
	"tailnet_peers": {"id": ofPeers, "updated_at": ofPeers, "node": ofPeers},
}

const ofPeers = " coderd_agents_connection_latencies_seconds coderd_agents_connections"

// TestColumns takes each column of the newest version away in turn. Each family that
// does not need the column is served with its values, to a role with the grants that are
// possible then.
func TestColumns(t *testing.T) {
	v := coderversions.Newest()
	d := pgtest.New(t)
	d.Exec(t, v.Deployment()+v.Events())
	now := pgtest.Value[time.Time](t, d, "SELECT started_at FROM provisioner_jobs WHERE id = u(103)")
	want := byFamily(v.Series(instrument.Documented, coderversions.Primary))

	var unread []string // statements that take away the columns that are not read
	compare := func(what, cost string) {
		t.Helper()
		got := served(t, d.Role(t, grants), now)
		for f, lines := range want {
			if lost := !slices.Equal(got[f], lines); lost != slices.Contains(strings.Fields(cost), f) {
				t.Errorf("without %s: lost %s: %t", what, f, lost)
			}
		}
	}
	for _, table := range v.Tables() {
		for _, c := range table.Columns {
			cost, read := costs[table.Name][c]
			if !read {
				unread = append(unread, "ALTER TABLE "+table.Name+" RENAME COLUMN "+c+" TO "+c+"_gone")
				continue
			}
			d.Exec(t, "ALTER TABLE "+table.Name+" RENAME COLUMN "+c+" TO gone")
			compare(table.Name+"."+c, cost)
			d.Exec(t, "ALTER TABLE "+table.Name+" RENAME COLUMN gone TO "+c)
		}
	}
	d.Exec(t, strings.Join(unread, ";"))
	compare("the columns that are not read", "")
}

// served returns the series of a deployment at a time, by family: of one collection
// from each source, and of the events of the minute before.
func served(t *testing.T, url string, now time.Time) map[string][]string {
	t.Helper()
	db := open(t, url, at(now), WithInterval(5*time.Minute), WithInactivityTimeout(10*time.Minute),
		WithRegionNames(map[int]string{1: "Frankfurt", 2: "Oslo"}))
	defer db.Close()
	reader := meterstest.NewReader(t)
	collected := make(chan string, 100)
	m := newMeters(t, reader.Providers(), meters.WithCollected(func(source string, _ map[instrument.Family]int, _ time.Duration, _ error) {
		collected <- source
	}))
	m.Poll(db.Sources())
	for sources := make(map[string]bool); len(sources) < 7; {
		select {
		case source := <-collected:
			sources[source] = true
		case <-time.After(time.Minute):
			t.Fatalf("only %d sources have been asked", len(sources))
		}
	}
	events := db.follower()
	events.after = now.Add(-time.Minute)
	if e, err := events.next(t.Context()); err == nil {
		f := follow{db: db, builds: m.Builds(), jobs: m.JobTimings(), scripts: m.Scripts()}
		f.record(e)
	}
	return byFamily(strings.Split(reader.Text(t), "\n"))
}

var ofHistogram = regexp.MustCompile(`_(count|sum)$`)

// byFamily returns the sorted lines of a scrape by family, without buckets and the
// families of the process.
func byFamily(lines []string) map[string][]string {
	families := make(map[string][]string)
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.Replace(line, "{", " ", 1), " ")
		if strings.Contains(name, "coderd_provisionerd_job_timings_seconds") {
			name = ofHistogram.ReplaceAllString(name, "")
		}
		f, ok := instrument.Documented.Lookup(name)
		if !ok || instrument.Documented.Info(f).Group == instrument.Process {
			continue
		}
		families[name] = append(families[name], line)
	}
	for lines := range maps.Values(families) {
		slices.Sort(lines)
	}
	return families
}

// TestCosts compares the columns that have a cost with those that the role may read.
func TestCosts(t *testing.T) {
	for _, table := range coderschema.Tables(instrument.Documented) {
		for _, c := range table.Needed(nil) {
			if _, ok := costs[table.Name][c]; !ok {
				t.Errorf("no cost of %s.%s", table.Name, c)
			}
		}
	}
}
