package coderschema

import (
	"slices"
	"strings"

	"github.com/otelcoder/otelcoder/instrument"
)

// Table is a table that is read, with its columns that are read.
type Table struct {
	Name    string
	Columns []string // columns of every version of Coder that has the table
	// documented and coder are further such columns, read for one edition only.
	documented, coder []string

	// Optional are columns that some versions of Coder lack. A table without Columns
	// is itself missing in some versions.
	Optional []Optional
}

// Optional is a group of columns that some versions of Coder lack.
type Optional struct {
	Columns []string
	// since is the first edition that reads the columns.
	since instrument.Edition
	// Families are not served where one of Columns is missing, in editions that have them.
	Families []instrument.Family
	// Without is the consequence of missing Columns, if it is another one than that
	// Families are not served.
	Without string
	// Instead are columns that are read only if one of Columns is missing.
	Instead []string
}

// Consequence returns the consequence of missing columns, as a clause. It is empty if a
// version of Coder without the columns does not have the feature. It names families as the
// edition does.
func (o Optional) Consequence(e instrument.Edition) string {
	if o.Without != "" || len(o.Families) == 0 {
		return o.Without
	}
	names := make([]string, len(o.Families))
	for i, f := range o.Families {
		names[i] = e.Name(f)
	}
	if len(names) > 1 {
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " are not served"
	}
	return names[0] + " is not served"
}

// Tables returns all tables and columns that are read for the families of an edition.
// Tests prove with a restricted role that no query reads another column.
func Tables(e instrument.Edition) []Table {
	var all []Table
	for _, t := range tables {
		read := Table{Name: t.Name, Columns: slices.Clone(t.Columns)}
		switch e {
		case instrument.Documented:
			read.Columns = append(read.Columns, t.documented...)
		case instrument.Coder:
			read.Columns = append(read.Columns, t.coder...)
		}
		for _, o := range t.Optional {
			if e < o.since {
				continue
			}
			o.Columns, o.Instead = slices.Clone(o.Columns), slices.Clone(o.Instead)
			o.Families = slices.DeleteFunc(slices.Clone(o.Families), func(f instrument.Family) bool { return !e.Has(f) })
			read.Optional = append(read.Optional, o)
		}
		if len(read.Columns) > 0 || len(read.Optional) > 0 {
			all = append(all, read)
		}
	}
	return all
}

// TableNames returns the names of [Tables].
func TableNames(e instrument.Edition) []string {
	var names []string
	for _, t := range Tables(e) {
		names = append(names, t.Name)
	}
	return names
}

// Needed returns the columns that are read from a database that lacks some. If one column
// of a group is missing, no column of the group is read.
func (t Table) Needed(l Lacks) []string {
	columns := slices.Clone(t.Columns)
	for _, o := range t.Optional {
		if len(l.of(t, o)) > 0 {
			columns = append(columns, o.Instead...)
			continue
		}
		columns = append(columns, o.Columns...)
	}
	return columns
}

var tables = [...]Table{
	{
		Name:       "users",
		Columns:    []string{"id", "username", "status", "deleted"},
		documented: []string{"email"},
		Optional: []Optional{
			{Columns: []string{"is_system"}, Without: "system users count as users"},
			{Columns: []string{"is_service_account"}},
		},
	},
	{
		Name:    "api_keys",
		Columns: []string{"user_id", "last_used"},
	},
	{
		Name:    "templates",
		Columns: []string{"id", "name"},
		coder:   []string{"deleted", "organization_id", "active_version_id", "deprecated"},
	},
	{
		Name:  "organizations",
		coder: []string{"id", "name"},
	},
	{
		Name:    "template_versions",
		Columns: []string{"id", "template_id", "name"},
	},
	{
		Name:    "workspaces",
		Columns: []string{"id", "owner_id", "template_id", "name", "deleted"},
		coder:   []string{"created_at"},
	},
	{
		Name:    "workspace_builds",
		Columns: []string{"id", "workspace_id", "template_version_id", "build_number", "transition", "job_id", "created_at"},
		Optional: []Optional{
			{
				Columns:  []string{"reason"},
				since:    instrument.Coder,
				Families: []instrument.Family{instrument.ProvisionerJobQueueWait, instrument.WorkspaceBuildsEnqueued},
			},
			{
				Columns: []string{"initiator_id"},
				since:   instrument.Coder,
				Families: append(ofPresets(),
					instrument.ProvisionerJobQueueWait, instrument.WorkspaceBuildsEnqueued, instrument.TemplateBuildDuration,
					instrument.WorkspaceCreation),
			},
			{
				Columns:  []string{"template_version_preset_id"},
				since:    instrument.Coder,
				Families: ofPresets(),
				Without:  "presets of builds are unknown",
			},
		},
	},
	{
		Name:    "provisioner_jobs",
		Columns: []string{"id", "provisioner", "worker_id", "started_at", "completed_at"},
		Optional: []Optional{
			{
				Columns: []string{"job_status"},
				Without: "the status of a job follows from its times and its error",
				Instead: []string{"canceled_at", "error"},
			},
			{
				Columns:  []string{"created_at", "type"},
				since:    instrument.Coder,
				Families: []instrument.Family{instrument.ProvisionerJobQueueWait, instrument.WorkspaceBuildsEnqueued},
			},
		},
	},
	{
		Name:  "provisioner_daemons",
		coder: []string{"last_seen_at"},
	},
	{
		Name:    "workspace_resources",
		Columns: []string{"id", "job_id"},
	},
	{
		Name: "workspace_agents",
		Columns: []string{"id", "resource_id", "name", "created_at", "first_connected_at", "last_connected_at", "disconnected_at",
			"connection_timeout_seconds", "lifecycle_state", "started_at", "ready_at"},
		Optional: []Optional{
			{Columns: []string{"deleted"}, Without: "no agent of a latest build counts as deleted"},
			{Columns: []string{"parent_id"}, since: instrument.Coder},
		},
	},
	{
		Name:    "workspace_apps",
		Columns: []string{"agent_id", "display_name", "slug", "health"},
	},
	{
		Name: "workspace_agent_stats",
		Columns: []string{"created_at", "user_id", "agent_id", "workspace_id", "template_id", "rx_bytes", "tx_bytes",
			"connection_count", "connection_median_latency_ms",
			"session_count_vscode", "session_count_jetbrains", "session_count_reconnecting_pty", "session_count_ssh"},
	},
	{
		Name:    "workspace_app_stats",
		Columns: []string{"user_id", "workspace_id", "agent_id", "slug_or_port", "session_started_at", "session_ended_at"},
	},
	{
		Name: "workspace_agent_scripts",
		Optional: []Optional{{
			Columns:  []string{"id", "workspace_agent_id"},
			Families: []instrument.Family{instrument.AgentScriptsExecuted},
		}},
	},
	{
		Name: "workspace_agent_script_timings",
		Optional: []Optional{{
			Columns:  []string{"script_id", "started_at", "ended_at", "status"},
			Families: []instrument.Family{instrument.AgentScriptsExecuted},
		}},
	},
	{
		Name:    "template_version_parameters",
		Columns: []string{"template_version_id", "name", "type"},
	},
	{
		Name:    "workspace_build_parameters",
		Columns: []string{"workspace_build_id", "name", "value"},
	},
	{
		Name:    "licenses",
		Columns: []string{"jwt"},
	},
	{
		Name: "tailnet_peers",
		Optional: []Optional{{
			Columns:  []string{"id", "updated_at", "node"},
			Families: []instrument.Family{instrument.AgentsConnectionLatencies},
			Without:  "tailnet nodes and connection latencies of agents are unknown",
		}},
	},
	{
		Name: "template_version_presets",
		Optional: []Optional{
			{
				Columns: []string{"id", "name"}, since: instrument.Coder,
				Families: ofPresets(), Without: "presets of builds are unknown",
			},
			{
				Columns: []string{"template_version_id", "desired_instances", "invalidate_after_secs"}, since: instrument.Coder,
				Families: ofPrebuilds(), Without: "prebuilt workspaces are not counted",
			},
			{Columns: []string{"last_invalidated_at"}, since: instrument.Coder},
			{Columns: []string{"scheduling_timezone"}, since: instrument.Coder},
			{
				Columns: []string{"prebuild_status"}, since: instrument.Coder,
				Families: []instrument.Family{instrument.PrebuiltWorkspacesValidationFailed},
			},
		},
	},
	{
		Name: "template_version_preset_prebuild_schedules",
		Optional: []Optional{{
			Columns: []string{"preset_id", "cron_expression", "desired_instances"}, since: instrument.Coder,
		}},
	},
}

// ofPrebuilds returns the families of prebuilt workspaces that a collection counts.
func ofPrebuilds() []instrument.Family {
	return []instrument.Family{
		instrument.PrebuiltWorkspacesClaimed,
		instrument.PrebuiltWorkspacesCreated,
		instrument.PrebuiltWorkspacesDesired,
		instrument.PrebuiltWorkspacesEligible,
		instrument.PrebuiltWorkspacesFailed,
		instrument.PrebuiltWorkspacesHardLimited,
		instrument.PrebuiltWorkspacesLastUpdated,
		instrument.PrebuiltWorkspacesRunning,
		instrument.PrebuiltWorkspacesValidationFailed,
	}
}

// ofPresets returns the families that need the presets of builds.
func ofPresets() []instrument.Family {
	return append(ofPrebuilds(), instrument.PrebuiltWorkspaceClaimDuration, instrument.WorkspaceCreationDuration)
}
