package main

import (
	"cmp"

	"github.com/otelcoder/otelcoder/instrument"
)

// fact describes a family of Coder beyond the catalogue, in Markdown.
type fact struct {
	tables  string // tables that the service reads; "" if it does not serve the family
	differs string // differences from the values of a Coder server
	note    string

	coder *fact // what differs in the edition Coder; nil if nothing does
}

// factOf returns the fact of a family in an edition.
func factOf(e instrument.Edition, f instrument.Family) fact {
	fact := facts()[f]
	if other := fact.coder; other != nil && e == instrument.Coder {
		fact.differs, fact.note = cmp.Or(other.differs, fact.differs), cmp.Or(other.note, fact.note)
	}
	fact.coder = nil
	return fact
}

const noDifference = "none known"

// facts returns the notes of "otelcoder metrics", docs/coder-endpoint.md and
// docs/editions.md on the families of Coder, except for the runtime families.
func facts() map[instrument.Family]fact {
	return map[instrument.Family]fact{
		instrument.AgentScriptsExecuted: {
			tables:  "workspace_agent_script_timings, workspace_agent_scripts",
			differs: "an agent's duplicate is refused and counted; it makes a Coder server answer 500 for its whole endpoint",
			note:    "service: counted from the database, from 0 when it begins to report",
		},
		instrument.AgentsApps: {
			tables:  "workspaces, workspace_builds, workspace_resources, workspace_agents, workspace_apps",
			differs: "apps of an agent with one display name are summed; a Coder server shows only the last one",
		},
		instrument.AgentsConnectionLatencies: {
			tables:  "workspaces, workspace_builds, workspace_resources, workspace_agents, tailnet_peers",
			differs: noDifference,
			note:    "service: only with Coder's high-availability licence, see [the service](service.md#beside-coders-own-endpoint); regions are `Unnamed <id>` unless `--derp-regions` names them, since names are not in the database",
		},
		instrument.AgentsConnections: {
			tables:  "workspaces, workspace_builds, workspace_resources, workspace_agents, tailnet_peers",
			differs: noDifference,
			note:    "service: `tailnet_node` is `unknown` without Coder's high-availability licence",
		},
		instrument.AgentsUp: {
			tables:  "workspaces, workspace_builds, workspace_resources, workspace_agents",
			differs: "a Coder server has the further label `template_version`",
			note:    "agents of the latest build in any state; 0 for a workspace without agents",
			coder: &fact{
				differs: noDifference,
				note:    "agents of the latest build in any state; no series for a workspace without agents",
			},
		},
		instrument.AgentStatsConnections: {
			tables:  "workspace_agent_stats",
			differs: "withdrawn at the first collection without a report; a Coder server keeps serving a killed agent's series until another agent reports. Aggregated agents are summed; on a Coder server the last one overwrites the others",
			note:    "only agents with a report in the past interval",
		},
		instrument.AgentStatsMedianLatency: {
			tables:  "workspace_agent_stats",
			differs: "as `coderd_agentstats_connection_count`; the greatest value of aggregated agents",
			note:    "as there",
		},
		instrument.AgentStatsRx: {
			tables:  "workspace_agent_stats",
			differs: "withdrawn at the first collection without a report, as above",
			note:    "bytes since the collection before: a gauge, do not `rate()` it",
		},
		instrument.AgentStatsSessionsJetBrains: {
			tables:  "workspace_agent_stats",
			differs: "as `coderd_agentstats_connection_count`",
			note:    "as there",
		},
		instrument.AgentStatsSessionsReconnectingPTY: {
			tables:  "workspace_agent_stats",
			differs: "as `coderd_agentstats_connection_count`",
			note:    "as there",
		},
		instrument.AgentStatsSessionsSSH: {
			tables:  "workspace_agent_stats",
			differs: "as `coderd_agentstats_connection_count`",
			note:    "as there",
		},
		instrument.AgentStatsSessionsVSCode: {
			tables:  "workspace_agent_stats",
			differs: "as `coderd_agentstats_connection_count`",
			note:    "as there",
		},
		instrument.AgentStatsStartupScript: {
			tables:  "workspaces, workspace_builds, workspace_resources, workspace_agents",
			differs: "an agent's duplicate is refused and counted, as for `agent_scripts_executed_total`",
			note:    "service: from the start of the agent in the database; a start whose outcome no collection saw, since the agent had already begun to stop, is not served",
		},
		instrument.AgentStatsTx: {
			tables:  "workspace_agent_stats",
			differs: "as `coderd_agentstats_rx_bytes`",
			note:    "as there",
		},
		instrument.APIActiveUsers: {
			tables:  "api_keys",
			differs: noDifference,
		},
		instrument.APIConcurrentRequests: {
			differs: noDifference,
			note:    "import only; without websockets",
		},
		instrument.APIConcurrentWebsockets: {
			differs: noDifference,
			note:    "import only",
		},
		instrument.APIRequestLatencies: {
			differs: "`method` is bounded, as for `coderd_api_requests_processed_total`",
			note:    "import only; without websockets",
		},
		instrument.APIRequestsProcessed: {
			differs: "a method unknown to HTTP is `_OTHER`; on later versions of Coder `curl -X FOO` creates a series, so anyone can grow it without bound",
			note:    "import only; a request without a route is `UNKNOWN` below `/api/`, else `STATIC`",
		},
		instrument.APIWebsocketDurations: {
			differs: noDifference,
			note:    "import only; refused upgrades are observed, too",
		},
		instrument.APIWorkspaceLatestBuild: {
			tables:  "workspaces, workspace_builds, provisioner_jobs",
			differs: "counted anew at each collection; later versions of Coder add each collection to the last: 2 workspaces read as 8 after four minutes",
			note:    "a gauge, despite its name; every status always has a series",
			coder: &fact{
				differs: "every status always has a series; a Coder server has none for a status without workspaces",
				note:    "counted anew at each collection",
			},
		},
		instrument.InsightsApplicationsUsage: {
			tables:  "workspace_agent_stats, workspace_app_stats, workspace_apps",
			differs: "templates of one name are summed; with two of them in use, or with two deleted templates in use, a Coder server answers 500 for its whole endpoint, for minutes",
			coder: &fact{
				differs: "templates of one name and organization are summed; with two deleted templates in use, a Coder server answers 500 for its whole endpoint, for minutes",
			},
		},
		instrument.InsightsParameters: {
			tables:  "workspace_builds, template_version_parameters, workspace_build_parameters",
			differs: "as `coderd_insights_applications_usage_seconds`; on a Coder server a value counts for every template that has an equal definition of the parameter, here for the build's own",
			note:    "text entered by users; service: `--without-parameters` leaves it out",
		},
		instrument.InsightsTemplatesActiveUsers: {
			tables:  "workspace_agent_stats, workspace_app_stats",
			differs: "as `coderd_insights_applications_usage_seconds`",
		},
		instrument.LicenseActiveUsers: {
			tables:  "users, licenses",
			differs: noDifference,
			note:    "the number of active users, with or without a licence; without system users and service accounts",
		},
		instrument.LicenseLimitUsers: {
			tables:  "licenses",
			differs: noDifference,
			note:    "no series without a licence in force; service: the licence's signature is not checked",
		},
		instrument.LicenseUserLimitEnabled: {
			tables:  "licenses",
			differs: noDifference,
			note:    "0 without a licence in force",
		},
		instrument.CollectorAgentsExecution: {
			differs: "a Coder server serves `coderd_prometheusmetrics_agents_execution_seconds`, and runs three queries for each workspace; otelcoder runs a fixed number of queries",
			coder:   &fact{differs: "a Coder server runs three queries for each workspace; otelcoder runs a fixed number of queries"},
		},
		instrument.OAuth2RateLimitNextReset: {
			differs: noDifference,
			note:    "import only; no series until the provider has sent the time",
		},
		instrument.OAuth2RateLimitRemaining: {
			differs: noDifference,
			note:    "import only; read from 401 responses, whose `resource` ends in `-unauthorized`",
		},
		instrument.OAuth2RateLimitResetIn: {
			differs: noDifference,
			note:    "import only; counts down between responses, and stops at 0",
		},
		instrument.OAuth2RateLimitTotal: {
			differs: noDifference,
			note:    "as `..._remaining`",
		},
		instrument.OAuth2RateLimitUsed: {
			differs: noDifference,
			note:    "as `..._remaining`",
		},
		instrument.OAuth2Requests: {
			differs: noDifference,
			note:    "import only; `status_code` is `0` without a response",
		},
		instrument.ProvisionerdJobTimings: {
			tables:  "provisioner_jobs",
			differs: noDifference,
			note:    "a job that no daemon ran is not observed; service: jobs that ended since it began to report",
		},
		instrument.ProvisionerdJobsCurrent: {
			tables:  "provisioner_jobs",
			differs: "service: all running jobs in the database, including orphaned ones and those of external daemons; a Coder server counts the jobs of its own process",
			note:    "never negative",
		},
		instrument.WorkspaceBuilds: {
			tables:  "workspace_builds, provisioner_jobs",
			differs: "a Coder server has the labels `workspace_owner`, a username, and `workspace_transition` in place of `owner_email` and `action`; a series starts at 0 when its first build starts; on a Coder server it starts at 1, which `increase()` does not count",
			note:    "a build that no daemon ran is not counted; dropped after 24 h without a build; service: builds that ended since it began to report",
			coder:   &fact{differs: "a series starts at 0 when its first build starts; on a Coder server it starts at 1, which `increase()` does not count"},
		},

		// State of the edition Coder.

		instrument.APITotalUserCount: {
			tables:  "users",
			differs: noDifference,
			note:    "without deleted and system users, with service accounts; counted every 5 minutes (`--insights-interval`); no series for a status without users",
		},
		instrument.CollectorAgentStatsExecution: {
			differs: "a Coder server measures its own collections",
		},
		instrument.ProvisionerDaemons: {
			tables:  "provisioner_daemons",
			differs: "service: the daemons of all processes, also external ones, with a heartbeat in the past 90 s; a Coder server has the number of its own daemons at its start",
		},
		instrument.WorkspaceLatestBuildStatus: {
			tables:  "workspaces, workspace_builds, provisioner_jobs, template_versions, templates, users",
			differs: noDifference,
			note:    "`template_version` is `unknown` for a build whose version does not exist; a workspace without a build has no series",
		},

		// Events of the edition Coder.

		instrument.AgentsFirstConnection: {
			tables:  "workspace_agents, workspace_resources, workspace_builds, workspaces",
			differs: noDifference,
			note:    "service: agents that first connected since it began to report; not if the clocks of two replicas differ so far that an agent connected before its creation",
		},
		instrument.PrebuiltWorkspaceClaimDuration: {
			tables:  "workspace_builds, provisioner_jobs, template_version_presets",
			differs: noDifference,
			note:    "service: builds that ended since it began to report",
		},
		instrument.ProvisionerJobQueueWait: {
			tables:  "provisioner_jobs, workspace_builds",
			differs: "includes the jobs of external daemons, which a Coder server's endpoint lacks",
			note:    "service: jobs that a daemon acquired since it began to report",
		},
		instrument.TemplateBuildDuration: {
			tables:  "workspace_agents, workspace_resources, workspace_builds, workspaces",
			differs: "once a build; a Coder server observes it again whenever an agent restarts",
			note:    "service: not observed if an agent had begun to stop before a query; see [events](database-load.md#events)",
		},
		instrument.WorkspaceBuildTimings: {
			tables:  "workspace_builds, provisioner_jobs",
			differs: "includes the builds of external daemons, which a Coder server's endpoint lacks",
			note:    "a build that no daemon ran is not observed; service: builds that ended since it began to report",
		},
		instrument.WorkspaceBuildsEnqueued: {
			tables:  "workspace_builds, provisioner_jobs",
			differs: "a series starts at 0 when the process begins to report; on a Coder server it starts at 1, which `increase()` does not count",
			note:    "service: `status` is always `success`, since a failed attempt leaves no row",
		},
		instrument.WorkspaceCreationDuration: {
			tables:  "workspace_builds, provisioner_jobs, template_version_presets",
			differs: noDifference,
			note:    "a workspace whose first build failed is not observed; service: builds that ended since it began to report",
		},

		// Prebuilt workspaces and creations.

		instrument.PrebuiltWorkspacesClaimed: {
			tables:  tablesOfCreations,
			differs: differsOfCreations,
			note:    "only with Coder's licence for prebuilt workspaces; " + noteOfCreations,
		},
		instrument.PrebuiltWorkspacesCreated: {
			tables:  tablesOfCreations,
			differs: differsOfCreations,
			note:    "only with Coder's licence for prebuilt workspaces; " + noteOfCreations,
		},
		instrument.PrebuiltWorkspacesDesired: {
			tables:  "templates, organizations, template_version_presets, template_version_preset_prebuild_schedules, licenses",
			differs: noDifference,
			note:    "only with Coder's licence for prebuilt workspaces; by the schedule in force; 0 for a deprecated template",
		},
		instrument.PrebuiltWorkspacesEligible: {
			tables:  "workspaces, workspace_builds, provisioner_jobs, workspace_resources, workspace_agents, template_version_presets, licenses",
			differs: noDifference,
			note:    "running, not expired, and all agents ready; 0 for a deprecated template",
		},
		instrument.PrebuiltWorkspacesFailed: {
			tables:  tablesOfCreations,
			differs: differsOfCreations,
			note:    "only with Coder's licence for prebuilt workspaces; " + noteOfCreations,
		},
		instrument.PrebuiltWorkspacesHardLimited: {
			tables:  "workspaces, workspace_builds, provisioner_jobs, template_version_presets, licenses",
			differs: "of several Coder replicas, only the one that reconciles prebuilt workspaces keeps it up to date",
			note:    "service: the limit is that of `--workspace-prebuilds-failure-hard-limit`, since Coder's is not in the database",
		},
		instrument.PrebuiltWorkspacesLastUpdated: {
			tables:  "licenses",
			differs: "the time of this process's last collection",
			note:    "Unix seconds",
		},
		instrument.PrebuiltWorkspacesRunning: {
			tables:  "workspaces, workspace_builds, provisioner_jobs, template_version_presets, licenses",
			differs: noDifference,
			note:    "not yet claimed; expired ones included",
		},
		instrument.PrebuiltWorkspacesValidationFailed: {
			tables:  "template_version_presets, licenses",
			differs: "of several Coder replicas, only the one that reconciles prebuilt workspaces keeps it up to date",
			note:    "Coder of 2026-01 and later",
		},
		instrument.WorkspaceCreation: {
			tables:  "workspaces, workspace_builds, provisioner_jobs, templates, organizations, template_version_presets",
			differs: differsOfCreations,
			note:    noteOfCreations + "; `preset_name` is empty without a preset",
		},
	}
}

// The fact of the families that count all created workspaces.
const (
	tablesOfCreations  = "workspaces, workspace_builds, provisioner_jobs, templates, organizations, template_version_presets, licenses"
	differsOfCreations = "begins at 0; counted again less often than every minute where that would take more than 0.2 % of the time"
	noteOfCreations    = "all in the database, deleted ones included; falls when a template is deleted"
)
