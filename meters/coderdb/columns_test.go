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

// Lists of families that are read together, or need the same column.
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

// costs maps the columns of each edition to the families that a missing column affects: they
// are not served, or have other values. Columns without an entry are not read.
var costs = map[instrument.Edition]map[string]map[string]string{
	instrument.Documented: documentedCosts,
	instrument.Coder:      coderCosts,
}

var documentedCosts = map[string]map[string]string{
	"users": {
		"id": ofAgents + ofStats + ofEvents, "username": ofAgents + ofStats + ofEvents, "email": ofEvents,
		"status": ofLicense, "deleted": ofLicense,
		// Without the columns, system users and service accounts count as users.
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
		// Without the column, deleted agents count as agents.
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
	// Without the columns, the nodes of agents are unknown.
	"tailnet_peers": {"id": ofPeers, "updated_at": ofPeers, "node": ofPeers},
}

// The families of the edition Coder that are read together.
const (
	ofCoderBuilds = " coderd_api_workspace_latest_build coderd_workspace_latest_build_status"
	ofUserCounts  = " coderd_api_total_user_count"
	ofDesired     = " coderd_prebuilt_workspaces_desired"
	ofPrebuilds   = ofDesired + " coderd_prebuilt_workspaces_eligible coderd_prebuilt_workspaces_preset_hard_limited" +
		ofValidation + " coderd_prebuilt_workspaces_running"
	ofValidation = " coderd_prebuilt_workspaces_preset_validation_failed"
	ofCreations  = " coderd_prebuilt_workspaces_claimed_total coderd_prebuilt_workspaces_created_total coderd_prebuilt_workspaces_failed_total" +
		" coderd_workspace_creation_total"
	ofDurations = " coderd_prebuilt_workspace_claim_duration_seconds coderd_workspace_creation_duration_seconds"
	ofQueue     = " coderd_provisioner_job_queue_wait_seconds coderd_workspace_builds_enqueued_total"
	// A look that cannot read jobs does not read agents either.
	ofAllEvents    = ofEvents + " coderd_provisionerd_workspace_build_timings_seconds" + ofDurations + ofQueue + ofAgentEvents
	ofAgentEvents  = " coderd_agents_first_connection_seconds" + ofTemplates
	ofTemplates    = " coderd_template_workspace_build_duration_seconds"
	ofOrganization = ofInsights + ofPrebuilds + ofCreations + ofAllEvents
)

var coderCosts = map[string]map[string]string{
	"users": {
		"id": ofAgents + ofStats + ofCoderBuilds + ofAllEvents, "username": ofAgents + ofStats + ofCoderBuilds + ofAllEvents,
		"status": ofLicense + ofUserCounts, "deleted": ofLicense + ofUserCounts,
		"is_system": " coderd_license_active_users" + ofUserCounts, "is_service_account": " coderd_license_active_users",
	},
	"api_keys": documentedCosts["api_keys"],
	"templates": {
		"id":      ofAgents + ofInsights + ofCoderBuilds + ofCreations + ofAllEvents,
		"name":    ofAgents + ofInsights + ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents,
		"deleted": ofPrebuilds + ofCreations, "organization_id": ofOrganization,
		"active_version_id": ofPrebuilds + ofCreations, "deprecated": ofPrebuilds,
	},
	"organizations": {"id": ofOrganization, "name": ofOrganization},
	"template_versions": {
		"id": ofAgents + ofParameters + ofCoderBuilds + ofAllEvents, "template_id": ofParameters,
		"name": ofAgents + ofCoderBuilds + ofAllEvents,
	},
	"workspaces": {
		"id":          ofAgents + ofStats + ofUse + ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents,
		"owner_id":    ofAgents + ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents,
		"template_id": ofAgents + ofUse + ofCoderBuilds + ofCreations + ofAllEvents, "name": ofAgents + ofStats + ofAllEvents,
		"deleted": ofAgents + ofCoderBuilds + ofPrebuilds, "created_at": ofPrebuilds,
	},
	"workspace_builds": {
		"id": ofParameters, "created_at": ofParameters + ofPrebuilds + ofAgentEvents,
		"workspace_id":        ofAgents + ofParameters + ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents,
		"template_version_id": ofAgents + ofParameters + ofCoderBuilds + ofAllEvents,
		"build_number":        ofAgents + ofParameters + ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents,
		"transition":          ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents,
		"job_id":              ofAgents + ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents,
		"reason":              ofQueue,
		"initiator_id":        ofPrebuilds + ofCreations + ofDurations + ofQueue + ofTemplates,
		// Without the column, the creations of users are counted without their presets.
		"template_version_preset_id": ofPrebuilds + ofCreations + ofDurations,
	},
	"provisioner_jobs": {
		"id": ofCoderBuilds + ofPrebuilds + ofCreations + ofAllEvents, "provisioner": ofJobs + ofAllEvents, "worker_id": ofAllEvents,
		"started_at": ofJobs + ofAllEvents, "completed_at": ofJobs + ofAllEvents,
		"job_status": "", // follows from other columns
		"created_at": ofQueue, "type": ofQueue,
	},
	"provisioner_daemons": {"last_seen_at": " coderd_provisionerd_num_daemons"},
	"workspace_resources": {"id": ofAgents + ofPrebuilds + ofAllEvents, "job_id": ofAgents + ofPrebuilds + ofAllEvents},
	"workspace_agents": {
		"id": ofAgents + ofStats + ofAllEvents, "resource_id": ofAgents + ofPrebuilds + ofAllEvents, "name": ofAgents + ofStats + ofAllEvents,
		"created_at": ofAgents + ofAgentEvents, "first_connected_at": ofAgents + ofAgentEvents, "ready_at": ofAgents + ofAgentEvents,
		"last_connected_at": ofAgents, "disconnected_at": ofAgents, "connection_timeout_seconds": ofAgents, "started_at": ofAgents,
		"lifecycle_state": ofAgents + ofPrebuilds + ofAgentEvents,
		"deleted":         " coderd_agents_connections coderd_agents_up",
		"parent_id":       "", // no agent has one
	},
	"workspace_apps":                 documentedCosts["workspace_apps"],
	"workspace_agent_stats":          documentedCosts["workspace_agent_stats"],
	"workspace_app_stats":            documentedCosts["workspace_app_stats"],
	"workspace_agent_scripts":        documentedCosts["workspace_agent_scripts"],
	"workspace_agent_script_timings": documentedCosts["workspace_agent_script_timings"],
	"template_version_parameters":    documentedCosts["template_version_parameters"],
	"workspace_build_parameters":     documentedCosts["workspace_build_parameters"],
	"licenses":                       {"jwt": ofLicense + ofPrebuilds + ofCreations},
	"tailnet_peers":                  documentedCosts["tailnet_peers"],
	"template_version_presets": {
		"id": ofPrebuilds + ofCreations + ofDurations, "name": ofPrebuilds + ofCreations + ofDurations,
		// Without the column, the creations of users lack the series at 0 of presets.
		"template_version_id": ofPrebuilds + ofCreations, "desired_instances": ofPrebuilds + ofCreations, "invalidate_after_secs": ofPrebuilds + ofCreations,
		"last_invalidated_at": "", "scheduling_timezone": ofDesired, "prebuild_status": ofValidation,
	},
	"template_version_preset_prebuild_schedules": {"preset_id": ofDesired, "cron_expression": ofDesired, "desired_instances": ofDesired},
}

const ofPeers = " coderd_agents_connection_latencies_seconds coderd_agents_connections"

// TestColumns removes each column of the newest version in turn, and checks that the
// families that do not need the column are served with their values. The role has the
// grants that are possible without the column.
func TestColumns(t *testing.T) {
	for e := range instrument.Editions() {
		t.Run(e.String(), func(t *testing.T) {
			t.Parallel()
			testColumns(t, e)
		})
	}
}

func testColumns(t *testing.T, e instrument.Edition) {
	v := coderversions.Newest()
	d := pgtest.New(t)
	d.Exec(t, v.Deployment()+v.Events())
	now := pgtest.Value[time.Time](t, d, "SELECT started_at FROM provisioner_jobs WHERE id = u(103)")
	want := byFamily(e, v.Series(e, coderversions.Primary))

	var unread []string // statements that remove the columns that are not read
	compare := func(what, cost string) {
		t.Helper()
		got := served(t, e, d.Role(t, grantsOf(e)), now)
		for f, lines := range want {
			if lost := !slices.Equal(got[f], lines); lost != slices.Contains(strings.Fields(cost), f) {
				t.Errorf("without %s: lost %s: got %t, want %t", what, f, lost, !lost)
			}
		}
	}
	for _, table := range v.Tables() {
		for _, c := range table.Columns {
			cost, read := costs[e][table.Name][c]
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

// served returns the series of a deployment by family, after one collection from each
// source at the time now, and one look for later events of jobs and of agents.
func served(t *testing.T, e instrument.Edition, url string, now time.Time) map[string][]string {
	t.Helper()
	db := open(t, url, WithEdition(e), at(now), WithInterval(5*time.Minute), WithInactivityTimeout(10*time.Minute),
		WithRegionNames(map[int]string{1: "Frankfurt", 2: "Oslo"}))
	defer db.Close()
	reader := meterstest.NewReaderOf(t, e)
	collected := make(chan string, 100)
	m := newMeters(t, reader.Providers(), meters.WithCollected(func(source string, _ map[instrument.Family]int, _ time.Duration, _ error) {
		collected <- source
	}))
	m.Poll(db.Sources())
	want := len(collectionsOf(e)) - 1 // events are not a source
	for sources := make(map[string]bool); len(sources) < want; {
		select {
		case source := <-collected:
			sources[source] = true
		case <-time.After(time.Minute):
			t.Fatalf("got collections from %d sources within 1m, want %d", len(sources), want)
		}
	}
	events := db.follower()
	events.after, events.agentsAfter = now, now
	f := follow{db: db, builds: m.Builds(), jobs: m.JobTimings(), scripts: m.Scripts()}
	if e.Has(instrument.ProvisionerJobQueueWait) {
		f.coder = m
	}
	if l, err := events.look(t.Context(), scan{jobs: true}); err == nil {
		f.record(events.take(l))
	}
	if l, err := events.look(t.Context(), scan{agents: true}); err == nil {
		f.record(events.take(l))
	}
	return byFamily(e, strings.Split(reader.Text(t), "\n"))
}

var ofHistogram = regexp.MustCompile(`_(count|sum)$`)

// byFamily returns the sorted lines of a scrape by family, without buckets and the
// families of the process.
func byFamily(e instrument.Edition, lines []string) map[string][]string {
	families := make(map[string][]string)
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.Replace(line, "{", " ", 1), " ")
		f, ok := e.Lookup(name)
		if !ok {
			name = ofHistogram.ReplaceAllString(name, "")
			f, ok = e.Lookup(name)
		}
		if !ok || e.Info(f).Group == instrument.Process {
			continue
		}
		families[name] = append(families[name], line)
	}
	for lines := range maps.Values(families) {
		slices.Sort(lines)
	}
	return families
}

// TestCosts checks that costs has an entry for every column that the role may read.
func TestCosts(t *testing.T) {
	for e := range instrument.Editions() {
		for _, table := range coderschema.Tables(e) {
			for _, c := range table.Needed(nil) {
				if _, ok := costs[e][table.Name][c]; !ok {
					t.Errorf("edition %s: costs has no entry for %s.%s", e, table.Name, c)
				}
			}
		}
	}
}
