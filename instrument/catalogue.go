package instrument

import "cmp"

// The families, those of the edition [Documented] in the order of its documentation.
// Comments give units and rules that the name does not show; [Edition.Info] returns the
// rest, and the [Measured] structs document the label values.
const (
	AgentScriptsExecuted Family = iota
	AgentsApps
	AgentsConnectionLatencies
	AgentsConnections
	// 0 for a workspace without agents.
	AgentsUp
	AgentStatsConnections
	AgentStatsMedianLatency
	// Bytes since the previous collection.
	AgentStatsRx
	AgentStatsSessionsJetBrains
	AgentStatsSessionsReconnectingPTY
	AgentStatsSessionsSSH
	AgentStatsSessionsVSCode
	AgentStatsStartupScript
	// Bytes since the previous collection.
	AgentStatsTx
	APIActiveUsers
	APIConcurrentRequests
	APIConcurrentWebsockets
	APIRequestLatencies
	APIRequestsProcessed
	APIWebsocketDurations
	// A gauge despite its name.
	APIWorkspaceLatestBuild
	InsightsApplicationsUsage
	InsightsParameters
	InsightsTemplatesActiveUsers
	LicenseActiveUsers
	LicenseLimitUsers
	// 0 or 1.
	LicenseUserLimitEnabled
	CollectorAgentsExecution
	// Unix seconds.
	OAuth2RateLimitNextReset
	OAuth2RateLimitRemaining
	OAuth2RateLimitResetIn
	OAuth2RateLimitTotal
	OAuth2RateLimitUsed
	OAuth2Requests
	ProvisionerdJobTimings
	ProvisionerdJobsCurrent
	WorkspaceBuilds

	// The families of the edition Coder only.

	AgentsFirstConnection
	APITotalUserCount
	PrebuiltWorkspaceClaimDuration
	PrebuiltWorkspacesClaimed
	PrebuiltWorkspacesCreated
	PrebuiltWorkspacesDesired
	PrebuiltWorkspacesEligible
	PrebuiltWorkspacesFailed
	// Unix seconds.
	PrebuiltWorkspacesLastUpdated
	// 1; no series if the limit is not reached.
	PrebuiltWorkspacesHardLimited
	// 1; no series if the preset is valid.
	PrebuiltWorkspacesValidationFailed
	PrebuiltWorkspacesRunning
	CollectorAgentStatsExecution
	ProvisionerJobQueueWait
	ProvisionerDaemons
	WorkspaceBuildTimings
	TemplateBuildDuration
	WorkspaceBuildsEnqueued
	WorkspaceCreationDuration
	WorkspaceCreation
	WorkspaceLatestBuildStatus

	// The runtime families, defined by client_golang's collectors.

	GoGCDurationSeconds
	GoGoroutines
	GoInfo
	GoMemstatsAllocBytes
	GoMemstatsAllocBytesTotal
	GoMemstatsBuckHashSysBytes
	GoMemstatsFreesTotal
	GoMemstatsGCSysBytes
	GoMemstatsHeapAllocBytes
	GoMemstatsHeapIdleBytes
	GoMemstatsHeapInuseBytes
	GoMemstatsHeapObjects
	GoMemstatsHeapReleasedBytes
	GoMemstatsHeapSysBytes
	GoMemstatsLastGCTimeSeconds
	GoMemstatsLookupsTotal
	GoMemstatsMallocsTotal
	GoMemstatsMCacheInuseBytes
	GoMemstatsMCacheSysBytes
	GoMemstatsMSpanInuseBytes
	GoMemstatsMSpanSysBytes
	GoMemstatsNextGCBytes
	GoMemstatsOtherSysBytes
	GoMemstatsStackInuseBytes
	GoMemstatsStackSysBytes
	GoMemstatsSysBytes
	GoThreads
	ProcessCPUSecondsTotal
	ProcessMaxFDs
	ProcessOpenFDs
	ProcessResidentMemoryBytes
	ProcessStartTimeSeconds
	ProcessVirtualMemoryBytes
	ProcessVirtualMemoryMaxBytes
	PromhttpMetricHandlerRequestsInFlight
	PromhttpMetricHandlerRequestsTotal

	// The health families, which measure the service itself.

	HealthBuildInfo
	HealthOTLPExports
	HealthRefused
	HealthRenderedBytes
	// 0 or 1.
	HealthReporter
	HealthScrapeErrors
	HealthSourceDuration
	HealthSourceInterval
	HealthSourceLastSuccess
	HealthSourceSeries
	// 0 or 1.
	HealthSourceUp
)

// row is a row of the catalogue: the family in the edition since, and what differs in
// later editions.
type row struct {
	Info
	since Edition
	coder difference // in the edition Coder
}

// difference is what differs from a row in an edition. Zero fields do not differ.
type difference struct {
	Name, Help string
	Labels     []string
}

// in returns the row's Info in an edition. ok is false if the edition lacks the family.
func (r row) in(e Edition) (info Info, ok bool) {
	if e < r.since {
		return Info{}, false
	}
	info = r.Info
	if e == Coder {
		info.Name = cmp.Or(r.coder.Name, info.Name)
		info.Help = cmp.Or(r.coder.Help, info.Help)
		if r.coder.Labels != nil {
			info.Labels = r.coder.Labels
		}
	}
	return info, true
}

// catalogue lists all families that are served, each once.
var catalogue = [...]row{
	AgentScriptsExecuted: {Info: Info{
		Name: "agent_scripts_executed_total", Instrument: "coder.agent.scripts.executed",
		Type: Counter, Group: Workspaces, Origin: OTel, Unit: "{script}",
		Measured: AgentScript{}, Labels: []string{"agent_name", "success", "template_name", "username", "workspace_name"},
		Help: "Total number of scripts executed by the Coder agent. Includes cron scheduled scripts.",
	}},
	AgentsApps: {Info: Info{
		Name: "coderd_agents_apps", Instrument: "coderd.agents.apps",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{app}",
		Measured: AgentApp{}, Labels: []string{"agent_name", "app_name", "health", "username", "workspace_name"},
		Help: "Agent applications with statuses.",
	}},
	AgentsConnectionLatencies: {Info: Info{
		Name: "coderd_agents_connection_latencies_seconds", Instrument: "coderd.agents.connection.latency",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "s",
		Measured: AgentLatency{}, Labels: []string{"agent_name", "derp_region", "preferred", "username", "workspace_name"},
		Help: "Agent connection latencies in seconds.",
	}},
	AgentsConnections: {Info: Info{
		Name: "coderd_agents_connections", Instrument: "coderd.agents.connections",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{agent}",
		Measured: AgentConnection{}, Labels: []string{"agent_name", "lifecycle_state", "status", "tailnet_node", "username", "workspace_name"},
		Help: "Agent connections with statuses.",
	}},
	AgentsUp: {Info: Info{
		Name: "coderd_agents_up", Instrument: "coderd.agents.up",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{agent}",
		Measured: WorkspaceAgents{}, Labels: []string{"template_name", "username", "workspace_name"},
		Help: "The number of active agents per workspace.",
	}, coder: difference{Labels: []string{"template_name", "template_version", "username", "workspace_name"}}},
	AgentStatsConnections: {Info: Info{
		Name: "coderd_agentstats_connection_count", Instrument: "coderd.agentstats.connections",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{connection}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of established connections by agent",
	}},
	AgentStatsMedianLatency: {Info: Info{
		Name: "coderd_agentstats_connection_median_latency_seconds", Instrument: "coderd.agentstats.connection.median_latency",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "s",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The median agent connection latency",
	}},
	AgentStatsRx: {Info: Info{
		Name: "coderd_agentstats_rx_bytes", Instrument: "coderd.agentstats.rx",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "By",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "Agent Rx bytes",
	}},
	AgentStatsSessionsJetBrains: {Info: Info{
		Name: "coderd_agentstats_session_count_jetbrains", Instrument: "coderd.agentstats.sessions.jetbrains",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by JetBrains",
	}},
	AgentStatsSessionsReconnectingPTY: {Info: Info{
		Name: "coderd_agentstats_session_count_reconnecting_pty", Instrument: "coderd.agentstats.sessions.reconnecting_pty",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by reconnecting PTY",
	}},
	AgentStatsSessionsSSH: {Info: Info{
		Name: "coderd_agentstats_session_count_ssh", Instrument: "coderd.agentstats.sessions.ssh",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by SSH",
	}},
	AgentStatsSessionsVSCode: {Info: Info{
		Name: "coderd_agentstats_session_count_vscode", Instrument: "coderd.agentstats.sessions.vscode",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by VSCode",
	}},
	AgentStatsStartupScript: {Info: Info{
		Name: "coderd_agentstats_startup_script_seconds", Instrument: "coderd.agentstats.startup_script.duration",
		Type: Gauge, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: AgentScript{}, Labels: []string{"agent_name", "success", "template_name", "username", "workspace_name"},
		Help: "The number of seconds the startup script took to execute.",
	}},
	AgentStatsTx: {Info: Info{
		Name: "coderd_agentstats_tx_bytes", Instrument: "coderd.agentstats.tx",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "By",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "Agent Tx bytes",
	}},
	APIActiveUsers: {Info: Info{
		Name: "coderd_api_active_users_duration_hour", Instrument: "coderd.api.active_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: NoLabels{},
		Help:     "The number of users that have been active within the last hour.",
	}},
	APIConcurrentRequests: {Info: Info{
		Name: "coderd_api_concurrent_requests", Instrument: "coderd.api.active_requests",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: NoLabels{},
		Help:     "The number of concurrent API requests.",
	}},
	APIConcurrentWebsockets: {Info: Info{
		Name: "coderd_api_concurrent_websockets", Instrument: "coderd.api.active_websockets",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{websocket}",
		Measured: NoLabels{},
		Help:     "The total number of concurrent API websockets.",
	}},
	APIRequestLatencies: {Info: Info{
		Name: "coderd_api_request_latencies_seconds", Instrument: "coderd.api.request.duration",
		Type: Histogram, Group: Process, Origin: OTel, ImportOnly: true, Unit: "s",
		Measured: APIRequest{}, Labels: []string{"method", "path"},
		Buckets: []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30},
		Help:    "Latency distribution of requests in seconds.",
	}},
	APIRequestsProcessed: {Info: Info{
		Name: "coderd_api_requests_processed_total", Instrument: "coderd.api.requests",
		Type: Counter, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: APIRequest{}, Labels: []string{"code", "method", "path"},
		Help: "The total number of processed API requests",
	}},
	APIWebsocketDurations: {Info: Info{
		Name: "coderd_api_websocket_durations_seconds", Instrument: "coderd.api.websocket.duration",
		Type: Histogram, Group: Process, Origin: OTel, ImportOnly: true, Unit: "s",
		Measured: APIRequest{}, Labels: []string{"path"},
		Buckets: []float64{0.001, 1, 60, 3600, 54000, 108000},
		Help:    "Websocket duration distribution of requests in seconds.",
	}},
	APIWorkspaceLatestBuild: {Info: Info{
		Name: "coderd_api_workspace_latest_build_total", Instrument: "coderd.api.workspace.latest_builds",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: LatestBuild{}, Labels: []string{"status"},
		Help: "The latest workspace builds with a status.",
	}, coder: difference{
		Name: "coderd_api_workspace_latest_build",
		Help: "The current number of workspace builds by status for all non-deleted workspaces.",
	}},
	InsightsApplicationsUsage: {Info: Info{
		Name: "coderd_insights_applications_usage_seconds", Instrument: "coderd.insights.applications.usage",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "s",
		Measured: ApplicationUsage{}, Labels: []string{"application_name", "slug", "template_name"},
		Help: "The application usage per template.",
	}, coder: difference{Labels: []string{"application_name", "organization_name", "slug", "template_name"}}},
	InsightsParameters: {Info: Info{
		Name: "coderd_insights_parameters", Instrument: "coderd.insights.parameters",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{build}",
		Measured: ParameterUsage{}, Labels: []string{"parameter_name", "parameter_type", "parameter_value", "template_name"},
		Help: "The parameter usage per template.",
	}, coder: difference{Labels: []string{"organization_name", "parameter_name", "parameter_type", "parameter_value", "template_name"}}},
	InsightsTemplatesActiveUsers: {Info: Info{
		Name: "coderd_insights_templates_active_users", Instrument: "coderd.insights.templates.active_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: TemplateUsers{}, Labels: []string{"template_name"},
		Help: "The number of active users of the template.",
	}, coder: difference{Labels: []string{"organization_name", "template_name"}}},
	LicenseActiveUsers: {Info: Info{
		Name: "coderd_license_active_users", Instrument: "coderd.license.active_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: NoLabels{},
		Help:     "The number of active users.",
	}},
	LicenseLimitUsers: {Info: Info{
		Name: "coderd_license_limit_users", Instrument: "coderd.license.limit_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: NoLabels{},
		Help:     "The user seats limit based on the active Coder license.",
	}},
	LicenseUserLimitEnabled: {Info: Info{
		Name: "coderd_license_user_limit_enabled", Instrument: "coderd.license.user_limit_enabled",
		Type: Gauge, Group: Deployment, Origin: OTel,
		Measured: NoLabels{},
		Help:     "Returns 1 if the current license enforces the user limit.",
	}},
	CollectorAgentsExecution: {Info: Info{
		Name: "coderd_metrics_collector_agents_execution_seconds", Instrument: "coderd.metrics_collector.agents.duration",
		Type: Histogram, Group: Process, Origin: OTel, Unit: "s",
		Measured: NoLabels{},
		Buckets:  []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30},
		Help:     "Histogram for duration of agents metrics collection in seconds.",
	}, coder: difference{Name: "coderd_prometheusmetrics_agents_execution_seconds"}},
	OAuth2RateLimitNextReset: {Info: Info{
		Name: "coderd_oauth2_external_requests_rate_limit_next_reset_unix", Instrument: "coderd.oauth2.external_requests.rate_limit.next_reset",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true,
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "Unix timestamp of the next interval",
	}},
	OAuth2RateLimitRemaining: {Info: Info{
		Name: "coderd_oauth2_external_requests_rate_limit_remaining", Instrument: "coderd.oauth2.external_requests.rate_limit.remaining",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "The remaining number of allowed requests in this interval.",
	}},
	OAuth2RateLimitResetIn: {Info: Info{
		Name: "coderd_oauth2_external_requests_rate_limit_reset_in_seconds", Instrument: "coderd.oauth2.external_requests.rate_limit.reset_in",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "s",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "Seconds until the next interval",
	}},
	OAuth2RateLimitTotal: {Info: Info{
		Name: "coderd_oauth2_external_requests_rate_limit_total", Instrument: "coderd.oauth2.external_requests.rate_limit.limit",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "The total number of allowed requests per interval.",
	}},
	OAuth2RateLimitUsed: {Info: Info{
		Name: "coderd_oauth2_external_requests_rate_limit_used", Instrument: "coderd.oauth2.external_requests.rate_limit.used",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "The number of requests made in this interval.",
	}},
	OAuth2Requests: {Info: Info{
		Name: "coderd_oauth2_external_requests_total", Instrument: "coderd.oauth2.external_requests",
		Type: Counter, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2Request{}, Labels: []string{"name", "source", "status_code"},
		Help: "The total number of api calls made to external oauth2 providers. 'status_code' will be 0 if the request failed with no response.",
	}},
	ProvisionerdJobTimings: {Info: Info{
		Name: "coderd_provisionerd_job_timings_seconds", Instrument: "coderd.provisionerd.job.duration",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: ProvisionerJob{}, Labels: []string{"provisioner", "status"},
		Buckets: []float64{1, 10, 30, 60, 300, 600, 1800, 3600},
		Help:    "The provisioner job time duration in seconds.",
	}},
	ProvisionerdJobsCurrent: {Info: Info{
		Name: "coderd_provisionerd_jobs_current", Instrument: "coderd.provisionerd.active_jobs",
		Type: Gauge, Group: Workspaces, Origin: OTel, Unit: "{job}",
		Measured: ProvisionerJob{}, Labels: []string{"provisioner"},
		Help: "The number of currently running provisioner jobs.",
	}},
	WorkspaceBuilds: {Info: Info{
		Name: "coderd_workspace_builds_total", Instrument: "coderd.workspace.builds",
		Type: Counter, Group: Workspaces, Origin: OTel, Unit: "{build}",
		Measured: WorkspaceBuild{}, Labels: []string{"action", "owner_email", "status", "template_name", "template_version", "workspace_name"},
		Help: "The number of workspaces started, updated, or deleted.",
	}, coder: difference{Labels: []string{"status", "template_name", "template_version", "workspace_name", "workspace_owner", "workspace_transition"}}},
	AgentsFirstConnection: {since: Coder, Info: Info{
		Name: "coderd_agents_first_connection_seconds", Instrument: "coderd.agents.first_connection.duration",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: ConnectedAgent{}, Labels: []string{"agent_name", "template_name"},
		Buckets: []float64{1, 10, 30, 60, 120, 300, 600, 1800, 3600},
		Help:    "Duration from agent creation to first connection in seconds.",
	}},
	APITotalUserCount: {since: Coder, Info: Info{
		Name: "coderd_api_total_user_count", Instrument: "coderd.api.users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: UserCount{}, Labels: []string{"status"},
		Help: "The total number of registered users, partitioned by status.",
	}},
	PrebuiltWorkspaceClaimDuration: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspace_claim_duration_seconds", Instrument: "coderd.prebuilt_workspace.claim.duration",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Buckets: []float64{1, 5, 10, 20, 30, 60, 120, 180, 240, 300},
		Help:    "Time to claim a prebuilt workspace by organization, template, and preset.",
	}},
	PrebuiltWorkspacesClaimed: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_claimed_total", Instrument: "coderd.prebuilt_workspaces.claimed",
		Type: Counter, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Total number of prebuilt workspaces which were claimed by users. Claiming refers to creating a workspace with a preset selected for which eligible prebuilt workspaces are available and one is reassigned to a user.",
	}},
	PrebuiltWorkspacesCreated: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_created_total", Instrument: "coderd.prebuilt_workspaces.created",
		Type: Counter, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Total number of prebuilt workspaces that have been created to meet the desired instance count of each template preset.",
	}},
	PrebuiltWorkspacesDesired: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_desired", Instrument: "coderd.prebuilt_workspaces.desired",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Target number of prebuilt workspaces that should be available for each template preset.",
	}},
	PrebuiltWorkspacesEligible: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_eligible", Instrument: "coderd.prebuilt_workspaces.eligible",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Current number of prebuilt workspaces that are eligible to be claimed by users. These are workspaces that have completed their build process with their agent reporting 'ready' status.",
	}},
	PrebuiltWorkspacesFailed: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_failed_total", Instrument: "coderd.prebuilt_workspaces.failed",
		Type: Counter, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Total number of prebuilt workspaces that failed to build.",
	}},
	PrebuiltWorkspacesLastUpdated: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_metrics_last_updated", Instrument: "coderd.prebuilt_workspaces.last_updated",
		Type: Gauge, Group: Process, Origin: OTel,
		Measured: NoLabels{},
		Help:     "The unix timestamp when the metrics related to prebuilt workspaces were last updated; these metrics are cached.",
	}},
	PrebuiltWorkspacesHardLimited: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_preset_hard_limited", Instrument: "coderd.prebuilt_workspaces.preset.hard_limited",
		Type: Gauge, Group: Deployment, Origin: OTel,
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Indicates whether a given preset has reached the hard failure limit (1 = hard-limited). Metric is omitted otherwise.",
	}},
	PrebuiltWorkspacesValidationFailed: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_preset_validation_failed", Instrument: "coderd.prebuilt_workspaces.preset.validation_failed",
		Type: Gauge, Group: Deployment, Origin: OTel,
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Indicates whether a given preset has validation failures (1 = validation failed). Metric is omitted otherwise.",
	}},
	PrebuiltWorkspacesRunning: {since: Coder, Info: Info{
		Name: "coderd_prebuilt_workspaces_running", Instrument: "coderd.prebuilt_workspaces.running",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Current number of prebuilt workspaces that are in a running state. These workspaces have started successfully but may not yet be claimable by users (see coderd_prebuilt_workspaces_eligible).",
	}},
	CollectorAgentStatsExecution: {since: Coder, Info: Info{
		Name: "coderd_prometheusmetrics_agentstats_execution_seconds", Instrument: "coderd.metrics_collector.agentstats.duration",
		Type: Histogram, Group: Process, Origin: OTel, Unit: "s",
		Measured: NoLabels{},
		Buckets:  []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30},
		Help:     "Histogram for duration of agent stats metrics collection in seconds.",
	}},
	ProvisionerJobQueueWait: {since: Coder, Info: Info{
		Name: "coderd_provisioner_job_queue_wait_seconds", Instrument: "coderd.provisioner_job.queue_wait",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: QueuedJob{}, Labels: []string{"build_reason", "job_type", "provisioner_type", "transition"},
		Buckets: []float64{0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1800},
		Help:    "Time from job creation to acquisition by a provisioner daemon.",
	}},
	ProvisionerDaemons: {since: Coder, Info: Info{
		Name: "coderd_provisionerd_num_daemons", Instrument: "coderd.provisionerd.daemons",
		Type: Gauge, Group: Workspaces, Origin: OTel, Unit: "{daemon}",
		Measured: NoLabels{},
		Help:     "The number of provisioner daemons.",
	}},
	WorkspaceBuildTimings: {since: Coder, Info: Info{
		Name: "coderd_provisionerd_workspace_build_timings_seconds", Instrument: "coderd.provisionerd.workspace_build.duration",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: WorkspaceBuild{}, Labels: []string{"status", "template_name", "template_version", "workspace_transition"},
		Buckets: []float64{1, 10, 30, 60, 300, 600, 1800, 3600},
		Help:    "The time taken for a workspace to build.",
	}},
	TemplateBuildDuration: {since: Coder, Info: Info{
		Name: "coderd_template_workspace_build_duration_seconds", Instrument: "coderd.template.workspace_build.duration",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: ReadyBuild{}, Labels: []string{"is_prebuild", "organization_name", "status", "template_name", "transition"},
		Buckets: []float64{1, 10, 30, 60, 300, 600, 1800, 3600},
		Help:    "Duration from workspace build creation to agent ready, by template.",
	}},
	WorkspaceBuildsEnqueued: {since: Coder, Info: Info{
		Name: "coderd_workspace_builds_enqueued_total", Instrument: "coderd.workspace.builds.enqueued",
		Type: Counter, Group: Workspaces, Origin: OTel, Unit: "{build}",
		Measured: QueuedJob{}, Labels: []string{"build_reason", "provisioner_type", "status", "transition"},
		Help: "Total number of workspace build enqueue attempts.",
	}},
	WorkspaceCreationDuration: {since: Coder, Info: Info{
		Name: "coderd_workspace_creation_duration_seconds", Instrument: "coderd.workspace.creation.duration",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: CreatedWorkspace{}, Labels: []string{"organization_name", "preset_name", "template_name", "type"},
		Buckets: []float64{1, 10, 30, 60, 300, 600, 1800, 3600},
		Help:    "Time to create a workspace by organization, template, preset, and type (regular or prebuild).",
	}},
	WorkspaceCreation: {since: Coder, Info: Info{
		Name: "coderd_workspace_creation_total", Instrument: "coderd.workspace.creations",
		Type: Counter, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: Preset{}, Labels: []string{"organization_name", "preset_name", "template_name"},
		Help: "Total regular (non-prebuilt) workspace creations by organization, template, and preset.",
	}},
	WorkspaceLatestBuildStatus: {since: Coder, Info: Info{
		Name: "coderd_workspace_latest_build_status", Instrument: "coderd.workspace.latest_builds",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: LatestBuild{}, Labels: []string{"status", "template_name", "template_version", "workspace_owner", "workspace_transition"},
		Help: "The current workspace statuses by template, transition, and owner for all non-deleted workspaces.",
	}},
	GoGCDurationSeconds: {Info: Info{
		Name: "go_gc_duration_seconds",
		Type: Summary, Group: Process, Origin: Runtime,
		Help: "A summary of the pause duration of garbage collection cycles.",
	}},
	GoGoroutines: {Info: Info{
		Name: "go_goroutines",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of goroutines that currently exist.",
	}},
	GoInfo: {Info: Info{
		Name: "go_info",
		Type: Gauge, Group: Process, Origin: Runtime,
		Labels: []string{"version"},
		Help:   "Information about the Go environment.",
	}},
	GoMemstatsAllocBytes: {Info: Info{
		Name: "go_memstats_alloc_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes allocated and still in use.",
	}},
	GoMemstatsAllocBytesTotal: {Info: Info{
		Name: "go_memstats_alloc_bytes_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of bytes allocated, even if freed.",
	}},
	GoMemstatsBuckHashSysBytes: {Info: Info{
		Name: "go_memstats_buck_hash_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used by the profiling bucket hash table.",
	}},
	GoMemstatsFreesTotal: {Info: Info{
		Name: "go_memstats_frees_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of frees.",
	}},
	GoMemstatsGCSysBytes: {Info: Info{
		Name: "go_memstats_gc_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for garbage collection system metadata.",
	}},
	GoMemstatsHeapAllocBytes: {Info: Info{
		Name: "go_memstats_heap_alloc_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes allocated and still in use.",
	}},
	GoMemstatsHeapIdleBytes: {Info: Info{
		Name: "go_memstats_heap_idle_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes waiting to be used.",
	}},
	GoMemstatsHeapInuseBytes: {Info: Info{
		Name: "go_memstats_heap_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes that are in use.",
	}},
	GoMemstatsHeapObjects: {Info: Info{
		Name: "go_memstats_heap_objects",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of allocated objects.",
	}},
	GoMemstatsHeapReleasedBytes: {Info: Info{
		Name: "go_memstats_heap_released_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes released to OS.",
	}},
	GoMemstatsHeapSysBytes: {Info: Info{
		Name: "go_memstats_heap_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes obtained from system.",
	}},
	GoMemstatsLastGCTimeSeconds: {Info: Info{
		Name: "go_memstats_last_gc_time_seconds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of seconds since 1970 of last garbage collection.",
	}},
	GoMemstatsLookupsTotal: {Info: Info{
		Name: "go_memstats_lookups_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of pointer lookups.",
	}},
	GoMemstatsMallocsTotal: {Info: Info{
		Name: "go_memstats_mallocs_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of mallocs.",
	}},
	GoMemstatsMCacheInuseBytes: {Info: Info{
		Name: "go_memstats_mcache_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes in use by mcache structures.",
	}},
	GoMemstatsMCacheSysBytes: {Info: Info{
		Name: "go_memstats_mcache_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for mcache structures obtained from system.",
	}},
	GoMemstatsMSpanInuseBytes: {Info: Info{
		Name: "go_memstats_mspan_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes in use by mspan structures.",
	}},
	GoMemstatsMSpanSysBytes: {Info: Info{
		Name: "go_memstats_mspan_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for mspan structures obtained from system.",
	}},
	GoMemstatsNextGCBytes: {Info: Info{
		Name: "go_memstats_next_gc_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes when next garbage collection will take place.",
	}},
	GoMemstatsOtherSysBytes: {Info: Info{
		Name: "go_memstats_other_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for other system allocations.",
	}},
	GoMemstatsStackInuseBytes: {Info: Info{
		Name: "go_memstats_stack_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes in use by the stack allocator.",
	}},
	GoMemstatsStackSysBytes: {Info: Info{
		Name: "go_memstats_stack_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes obtained from system for stack allocator.",
	}},
	GoMemstatsSysBytes: {Info: Info{
		Name: "go_memstats_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes obtained from system.",
	}},
	GoThreads: {Info: Info{
		Name: "go_threads",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of OS threads created.",
	}},
	ProcessCPUSecondsTotal: {Info: Info{
		Name: "process_cpu_seconds_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total user and system CPU time spent in seconds.",
	}},
	ProcessMaxFDs: {Info: Info{
		Name: "process_max_fds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Maximum number of open file descriptors.",
	}},
	ProcessOpenFDs: {Info: Info{
		Name: "process_open_fds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of open file descriptors.",
	}},
	ProcessResidentMemoryBytes: {Info: Info{
		Name: "process_resident_memory_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Resident memory size in bytes.",
	}},
	ProcessStartTimeSeconds: {Info: Info{
		Name: "process_start_time_seconds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Start time of the process since unix epoch in seconds.",
	}},
	ProcessVirtualMemoryBytes: {Info: Info{
		Name: "process_virtual_memory_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Virtual memory size in bytes.",
	}},
	ProcessVirtualMemoryMaxBytes: {Info: Info{
		Name: "process_virtual_memory_max_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Maximum amount of virtual memory available in bytes.",
	}},
	PromhttpMetricHandlerRequestsInFlight: {Info: Info{
		Name: "promhttp_metric_handler_requests_in_flight",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Current number of scrapes being served.",
	}},
	PromhttpMetricHandlerRequestsTotal: {Info: Info{
		Name: "promhttp_metric_handler_requests_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Labels: []string{"code"},
		Help:   "Total number of scrapes by HTTP status code.",
	}},
	HealthBuildInfo: {Info: Info{
		Name: "otelcoder_build_info", Instrument: "otelcoder.build.info",
		Type: Gauge, Group: Process, Origin: Health,
		Measured: BuildInfo{}, Labels: []string{"goversion", "version"},
		Help: "Version of otelcoder and of the Go that built it. Always 1.",
	}, coder: difference{Labels: []string{"goversion", "metric_names", "version"}}},
	HealthOTLPExports: {Info: Info{
		Name: "otelcoder_otlp_exports_total", Instrument: "otelcoder.otlp.exports",
		Type: Counter, Group: Process, Origin: Health, Unit: "{export}",
		Measured: OTLPExport{}, Labels: []string{"outcome"},
		Help: "Total number of OTLP exports by outcome: success or failure.",
	}},
	HealthRefused: {Info: Info{
		Name: "otelcoder_refused_total", Instrument: "otelcoder.refused",
		Type: Counter, Group: Process, Origin: Health, Unit: "{item}",
		Measured: Refusal{}, Labels: []string{"origin", "reason"},
		Help: "Total number of items from outside that were refused or left out, by where they came from and why.",
	}},
	HealthRenderedBytes: {Info: Info{
		Name: "otelcoder_rendered_bytes", Instrument: "otelcoder.rendered",
		Type: Gauge, Group: Process, Origin: Health, Unit: "By",
		Measured: Rendering{}, Labels: []string{"format"},
		Help: "Bytes held of what is rendered ahead of scrapes, plain and gzipped, by format: text, openmetrics or protobuf.",
	}},
	HealthReporter: {Info: Info{
		Name: "otelcoder_reporter", Instrument: "otelcoder.reporter",
		Type: Gauge, Group: Process, Origin: Health,
		Measured: NoLabels{},
		Help:     "1 if this process reports the families of the deployment scope, else 0.",
	}},
	HealthScrapeErrors: {Info: Info{
		Name: "otelcoder_scrape_errors_total", Instrument: "otelcoder.scrape.errors",
		Type: Counter, Group: Process, Origin: Health, Unit: "{error}",
		Measured: NoLabels{},
		Help:     "Total number of errors met while gathering families for a scrape; what is affected is left out of the scrape.",
	}},
	HealthSourceDuration: {Info: Info{
		Name: "otelcoder_source_collection_duration_seconds", Instrument: "otelcoder.source.collection.duration",
		Type: Gauge, Group: Process, Origin: Health, Unit: "s",
		Measured: Source{}, Labels: []string{"source"},
		Help: "How long the last collection from the source took, in seconds.",
	}},
	HealthSourceInterval: {Info: Info{
		Name: "otelcoder_source_interval_seconds", Instrument: "otelcoder.source.interval",
		Type: Gauge, Group: Process, Origin: Health, Unit: "s",
		Measured: Source{}, Labels: []string{"source"},
		Help: "Interval between collections from the source, in seconds; its series are withdrawn after five.",
	}},
	HealthSourceLastSuccess: {Info: Info{
		Name: "otelcoder_source_last_success_timestamp_seconds", Instrument: "otelcoder.source.last_success",
		Type: Gauge, Group: Process, Origin: Health, Unit: "s",
		Measured: Source{}, Labels: []string{"source"},
		Help: "When a collection from the source last succeeded, in seconds since the Unix epoch; 0 for never.",
	}},
	HealthSourceSeries: {Info: Info{
		Name: "otelcoder_source_series", Instrument: "otelcoder.source.series",
		Type: Gauge, Group: Process, Origin: Health, Unit: "{series}",
		Measured: Source{}, Labels: []string{"source"},
		Help: "Number of series held from the source's last successful collection; 0 once they are withdrawn.",
	}},
	HealthSourceUp: {Info: Info{
		Name: "otelcoder_source_up", Instrument: "otelcoder.source.up",
		Type: Gauge, Group: Process, Origin: Health,
		Measured: Source{}, Labels: []string{"source"},
		Help: "1 if the last collection from the source succeeded, else 0.",
	}},
}
