package instrument

// The documented families, in the order of the documentation. Comments give units and
// rules that the name does not show; [Family.Info] returns the rest, and the [Measured]
// structs document the label values.
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

// catalogue lists all families that are served.
var catalogue = [...]Info{
	AgentScriptsExecuted: {
		Name: "agent_scripts_executed_total", Instrument: "coder.agent.scripts.executed",
		Type: Counter, Group: Workspaces, Origin: OTel, Unit: "{script}",
		Measured: AgentScript{}, Labels: []string{"agent_name", "success", "template_name", "username", "workspace_name"},
		Help: "Total number of scripts executed by the Coder agent. Includes cron scheduled scripts.",
	},
	AgentsApps: {
		Name: "coderd_agents_apps", Instrument: "coderd.agents.apps",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{app}",
		Measured: AgentApp{}, Labels: []string{"agent_name", "app_name", "health", "username", "workspace_name"},
		Help: "Agent applications with statuses.",
	},
	AgentsConnectionLatencies: {
		Name: "coderd_agents_connection_latencies_seconds", Instrument: "coderd.agents.connection.latency",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "s",
		Measured: AgentLatency{}, Labels: []string{"agent_name", "derp_region", "preferred", "username", "workspace_name"},
		Help: "Agent connection latencies in seconds.",
	},
	AgentsConnections: {
		Name: "coderd_agents_connections", Instrument: "coderd.agents.connections",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{agent}",
		Measured: AgentConnection{}, Labels: []string{"agent_name", "lifecycle_state", "status", "tailnet_node", "username", "workspace_name"},
		Help: "Agent connections with statuses.",
	},
	AgentsUp: {
		Name: "coderd_agents_up", Instrument: "coderd.agents.up",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{agent}",
		Measured: WorkspaceAgents{}, Labels: []string{"template_name", "username", "workspace_name"},
		Help: "The number of active agents per workspace.",
	},
	AgentStatsConnections: {
		Name: "coderd_agentstats_connection_count", Instrument: "coderd.agentstats.connections",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{connection}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of established connections by agent",
	},
	AgentStatsMedianLatency: {
		Name: "coderd_agentstats_connection_median_latency_seconds", Instrument: "coderd.agentstats.connection.median_latency",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "s",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The median agent connection latency",
	},
	AgentStatsRx: {
		Name: "coderd_agentstats_rx_bytes", Instrument: "coderd.agentstats.rx",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "By",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "Agent Rx bytes",
	},
	AgentStatsSessionsJetBrains: {
		Name: "coderd_agentstats_session_count_jetbrains", Instrument: "coderd.agentstats.sessions.jetbrains",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by JetBrains",
	},
	AgentStatsSessionsReconnectingPTY: {
		Name: "coderd_agentstats_session_count_reconnecting_pty", Instrument: "coderd.agentstats.sessions.reconnecting_pty",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by reconnecting PTY",
	},
	AgentStatsSessionsSSH: {
		Name: "coderd_agentstats_session_count_ssh", Instrument: "coderd.agentstats.sessions.ssh",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by SSH",
	},
	AgentStatsSessionsVSCode: {
		Name: "coderd_agentstats_session_count_vscode", Instrument: "coderd.agentstats.sessions.vscode",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{session}",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "The number of session established by VSCode",
	},
	AgentStatsStartupScript: {
		Name: "coderd_agentstats_startup_script_seconds", Instrument: "coderd.agentstats.startup_script.duration",
		Type: Gauge, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: AgentScript{}, Labels: []string{"agent_name", "success", "template_name", "username", "workspace_name"},
		Help: "The number of seconds the startup script took to execute.",
	},
	AgentStatsTx: {
		Name: "coderd_agentstats_tx_bytes", Instrument: "coderd.agentstats.tx",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "By",
		Measured: Agent{}, Labels: []string{"agent_name", "username", "workspace_name"},
		Help: "Agent Tx bytes",
	},
	APIActiveUsers: {
		Name: "coderd_api_active_users_duration_hour", Instrument: "coderd.api.active_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: NoLabels{},
		Help:     "The number of users that have been active within the last hour.",
	},
	APIConcurrentRequests: {
		Name: "coderd_api_concurrent_requests", Instrument: "coderd.api.active_requests",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: NoLabels{},
		Help:     "The number of concurrent API requests.",
	},
	APIConcurrentWebsockets: {
		Name: "coderd_api_concurrent_websockets", Instrument: "coderd.api.active_websockets",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{websocket}",
		Measured: NoLabels{},
		Help:     "The total number of concurrent API websockets.",
	},
	APIRequestLatencies: {
		Name: "coderd_api_request_latencies_seconds", Instrument: "coderd.api.request.duration",
		Type: Histogram, Group: Process, Origin: OTel, ImportOnly: true, Unit: "s",
		Measured: APIRequest{}, Labels: []string{"method", "path"},
		Buckets: []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30},
		Help:    "Latency distribution of requests in seconds.",
	},
	APIRequestsProcessed: {
		Name: "coderd_api_requests_processed_total", Instrument: "coderd.api.requests",
		Type: Counter, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: APIRequest{}, Labels: []string{"code", "method", "path"},
		Help: "The total number of processed API requests",
	},
	APIWebsocketDurations: {
		Name: "coderd_api_websocket_durations_seconds", Instrument: "coderd.api.websocket.duration",
		Type: Histogram, Group: Process, Origin: OTel, ImportOnly: true, Unit: "s",
		Measured: APIRequest{}, Labels: []string{"path"},
		Buckets: []float64{0.001, 1, 60, 3600, 54000, 108000},
		Help:    "Websocket duration distribution of requests in seconds.",
	},
	APIWorkspaceLatestBuild: {
		Name: "coderd_api_workspace_latest_build_total", Instrument: "coderd.api.workspace.latest_builds",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{workspace}",
		Measured: LatestBuild{}, Labels: []string{"status"},
		Help: "The latest workspace builds with a status.",
	},
	InsightsApplicationsUsage: {
		Name: "coderd_insights_applications_usage_seconds", Instrument: "coderd.insights.applications.usage",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "s",
		Measured: ApplicationUsage{}, Labels: []string{"application_name", "slug", "template_name"},
		Help: "The application usage per template.",
	},
	InsightsParameters: {
		Name: "coderd_insights_parameters", Instrument: "coderd.insights.parameters",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{build}",
		Measured: ParameterUsage{}, Labels: []string{"parameter_name", "parameter_type", "parameter_value", "template_name"},
		Help: "The parameter usage per template.",
	},
	InsightsTemplatesActiveUsers: {
		Name: "coderd_insights_templates_active_users", Instrument: "coderd.insights.templates.active_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: TemplateUsers{}, Labels: []string{"template_name"},
		Help: "The number of active users of the template.",
	},
	LicenseActiveUsers: {
		Name: "coderd_license_active_users", Instrument: "coderd.license.active_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: NoLabels{},
		Help:     "The number of active users.",
	},
	LicenseLimitUsers: {
		Name: "coderd_license_limit_users", Instrument: "coderd.license.limit_users",
		Type: Gauge, Group: Deployment, Origin: OTel, Unit: "{user}",
		Measured: NoLabels{},
		Help:     "The user seats limit based on the active Coder license.",
	},
	LicenseUserLimitEnabled: {
		Name: "coderd_license_user_limit_enabled", Instrument: "coderd.license.user_limit_enabled",
		Type: Gauge, Group: Deployment, Origin: OTel,
		Measured: NoLabels{},
		Help:     "Returns 1 if the current license enforces the user limit.",
	},
	CollectorAgentsExecution: {
		Name: "coderd_metrics_collector_agents_execution_seconds", Instrument: "coderd.metrics_collector.agents.duration",
		Type: Histogram, Group: Process, Origin: OTel, Unit: "s",
		Measured: NoLabels{},
		Buckets:  []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30},
		Help:     "Histogram for duration of agents metrics collection in seconds.",
	},
	OAuth2RateLimitNextReset: {
		Name: "coderd_oauth2_external_requests_rate_limit_next_reset_unix", Instrument: "coderd.oauth2.external_requests.rate_limit.next_reset",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true,
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "Unix timestamp of the next interval",
	},
	OAuth2RateLimitRemaining: {
		Name: "coderd_oauth2_external_requests_rate_limit_remaining", Instrument: "coderd.oauth2.external_requests.rate_limit.remaining",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "The remaining number of allowed requests in this interval.",
	},
	OAuth2RateLimitResetIn: {
		Name: "coderd_oauth2_external_requests_rate_limit_reset_in_seconds", Instrument: "coderd.oauth2.external_requests.rate_limit.reset_in",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "s",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "Seconds until the next interval",
	},
	OAuth2RateLimitTotal: {
		Name: "coderd_oauth2_external_requests_rate_limit_total", Instrument: "coderd.oauth2.external_requests.rate_limit.limit",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "The total number of allowed requests per interval.",
	},
	OAuth2RateLimitUsed: {
		Name: "coderd_oauth2_external_requests_rate_limit_used", Instrument: "coderd.oauth2.external_requests.rate_limit.used",
		Type: Gauge, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2RateLimit{}, Labels: []string{"name", "resource"},
		Help: "The number of requests made in this interval.",
	},
	OAuth2Requests: {
		Name: "coderd_oauth2_external_requests_total", Instrument: "coderd.oauth2.external_requests",
		Type: Counter, Group: Process, Origin: OTel, ImportOnly: true, Unit: "{request}",
		Measured: OAuth2Request{}, Labels: []string{"name", "source", "status_code"},
		Help: "The total number of api calls made to external oauth2 providers. 'status_code' will be 0 if the request failed with no response.",
	},
	ProvisionerdJobTimings: {
		Name: "coderd_provisionerd_job_timings_seconds", Instrument: "coderd.provisionerd.job.duration",
		Type: Histogram, Group: Workspaces, Origin: OTel, Unit: "s",
		Measured: ProvisionerJob{}, Labels: []string{"provisioner", "status"},
		Buckets: []float64{1, 10, 30, 60, 300, 600, 1800, 3600},
		Help:    "The provisioner job time duration in seconds.",
	},
	ProvisionerdJobsCurrent: {
		Name: "coderd_provisionerd_jobs_current", Instrument: "coderd.provisionerd.active_jobs",
		Type: Gauge, Group: Workspaces, Origin: OTel, Unit: "{job}",
		Measured: ProvisionerJob{}, Labels: []string{"provisioner"},
		Help: "The number of currently running provisioner jobs.",
	},
	WorkspaceBuilds: {
		Name: "coderd_workspace_builds_total", Instrument: "coderd.workspace.builds",
		Type: Counter, Group: Workspaces, Origin: OTel, Unit: "{build}",
		Measured: WorkspaceBuild{}, Labels: []string{"action", "owner_email", "status", "template_name", "template_version", "workspace_name"},
		Help: "The number of workspaces started, updated, or deleted.",
	},
	GoGCDurationSeconds: {
		Name: "go_gc_duration_seconds",
		Type: Summary, Group: Process, Origin: Runtime,
		Help: "A summary of the pause duration of garbage collection cycles.",
	},
	GoGoroutines: {
		Name: "go_goroutines",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of goroutines that currently exist.",
	},
	GoInfo: {
		Name: "go_info",
		Type: Gauge, Group: Process, Origin: Runtime,
		Labels: []string{"version"},
		Help:   "Information about the Go environment.",
	},
	GoMemstatsAllocBytes: {
		Name: "go_memstats_alloc_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes allocated and still in use.",
	},
	GoMemstatsAllocBytesTotal: {
		Name: "go_memstats_alloc_bytes_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of bytes allocated, even if freed.",
	},
	GoMemstatsBuckHashSysBytes: {
		Name: "go_memstats_buck_hash_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used by the profiling bucket hash table.",
	},
	GoMemstatsFreesTotal: {
		Name: "go_memstats_frees_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of frees.",
	},
	GoMemstatsGCSysBytes: {
		Name: "go_memstats_gc_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for garbage collection system metadata.",
	},
	GoMemstatsHeapAllocBytes: {
		Name: "go_memstats_heap_alloc_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes allocated and still in use.",
	},
	GoMemstatsHeapIdleBytes: {
		Name: "go_memstats_heap_idle_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes waiting to be used.",
	},
	GoMemstatsHeapInuseBytes: {
		Name: "go_memstats_heap_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes that are in use.",
	},
	GoMemstatsHeapObjects: {
		Name: "go_memstats_heap_objects",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of allocated objects.",
	},
	GoMemstatsHeapReleasedBytes: {
		Name: "go_memstats_heap_released_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes released to OS.",
	},
	GoMemstatsHeapSysBytes: {
		Name: "go_memstats_heap_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes obtained from system.",
	},
	GoMemstatsLastGCTimeSeconds: {
		Name: "go_memstats_last_gc_time_seconds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of seconds since 1970 of last garbage collection.",
	},
	GoMemstatsLookupsTotal: {
		Name: "go_memstats_lookups_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of pointer lookups.",
	},
	GoMemstatsMallocsTotal: {
		Name: "go_memstats_mallocs_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total number of mallocs.",
	},
	GoMemstatsMCacheInuseBytes: {
		Name: "go_memstats_mcache_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes in use by mcache structures.",
	},
	GoMemstatsMCacheSysBytes: {
		Name: "go_memstats_mcache_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for mcache structures obtained from system.",
	},
	GoMemstatsMSpanInuseBytes: {
		Name: "go_memstats_mspan_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes in use by mspan structures.",
	},
	GoMemstatsMSpanSysBytes: {
		Name: "go_memstats_mspan_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for mspan structures obtained from system.",
	},
	GoMemstatsNextGCBytes: {
		Name: "go_memstats_next_gc_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of heap bytes when next garbage collection will take place.",
	},
	GoMemstatsOtherSysBytes: {
		Name: "go_memstats_other_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes used for other system allocations.",
	},
	GoMemstatsStackInuseBytes: {
		Name: "go_memstats_stack_inuse_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes in use by the stack allocator.",
	},
	GoMemstatsStackSysBytes: {
		Name: "go_memstats_stack_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes obtained from system for stack allocator.",
	},
	GoMemstatsSysBytes: {
		Name: "go_memstats_sys_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of bytes obtained from system.",
	},
	GoThreads: {
		Name: "go_threads",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of OS threads created.",
	},
	ProcessCPUSecondsTotal: {
		Name: "process_cpu_seconds_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Help: "Total user and system CPU time spent in seconds.",
	},
	ProcessMaxFDs: {
		Name: "process_max_fds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Maximum number of open file descriptors.",
	},
	ProcessOpenFDs: {
		Name: "process_open_fds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Number of open file descriptors.",
	},
	ProcessResidentMemoryBytes: {
		Name: "process_resident_memory_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Resident memory size in bytes.",
	},
	ProcessStartTimeSeconds: {
		Name: "process_start_time_seconds",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Start time of the process since unix epoch in seconds.",
	},
	ProcessVirtualMemoryBytes: {
		Name: "process_virtual_memory_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Virtual memory size in bytes.",
	},
	ProcessVirtualMemoryMaxBytes: {
		Name: "process_virtual_memory_max_bytes",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Maximum amount of virtual memory available in bytes.",
	},
	PromhttpMetricHandlerRequestsInFlight: {
		Name: "promhttp_metric_handler_requests_in_flight",
		Type: Gauge, Group: Process, Origin: Runtime,
		Help: "Current number of scrapes being served.",
	},
	PromhttpMetricHandlerRequestsTotal: {
		Name: "promhttp_metric_handler_requests_total",
		Type: Counter, Group: Process, Origin: Runtime,
		Labels: []string{"code"},
		Help:   "Total number of scrapes by HTTP status code.",
	},
	HealthBuildInfo: {
		Name: "otelcoder_build_info", Instrument: "otelcoder.build.info",
		Type: Gauge, Group: Process, Origin: Health,
		Measured: BuildInfo{}, Labels: []string{"goversion", "version"},
		Help: "Version of otelcoder and of the Go that built it. Always 1.",
	},
	HealthOTLPExports: {
		Name: "otelcoder_otlp_exports_total", Instrument: "otelcoder.otlp.exports",
		Type: Counter, Group: Process, Origin: Health, Unit: "{export}",
		Measured: OTLPExport{}, Labels: []string{"outcome"},
		Help: "Total number of OTLP exports by outcome: success or failure.",
	},
	HealthRefused: {
		Name: "otelcoder_refused_total", Instrument: "otelcoder.refused",
		Type: Counter, Group: Process, Origin: Health, Unit: "{item}",
		Measured: Refusal{}, Labels: []string{"origin", "reason"},
		Help: "Total number of items from outside that were refused or left out, by where they came from and why.",
	},
	HealthRenderedBytes: {
		Name: "otelcoder_rendered_bytes", Instrument: "otelcoder.rendered",
		Type: Gauge, Group: Process, Origin: Health, Unit: "By",
		Measured: Rendering{}, Labels: []string{"format"},
		Help: "Bytes held of what is rendered ahead of scrapes, plain and gzipped, by format: text, openmetrics or protobuf.",
	},
	HealthReporter: {
		Name: "otelcoder_reporter", Instrument: "otelcoder.reporter",
		Type: Gauge, Group: Process, Origin: Health,
		Measured: NoLabels{},
		Help:     "1 if this process reports the families of the deployment scope, else 0.",
	},
	HealthScrapeErrors: {
		Name: "otelcoder_scrape_errors_total", Instrument: "otelcoder.scrape.errors",
		Type: Counter, Group: Process, Origin: Health, Unit: "{error}",
		Measured: NoLabels{},
		Help:     "Total number of errors met while gathering families for a scrape; what is affected is left out of the scrape.",
	},
	HealthSourceDuration: {
		Name: "otelcoder_source_collection_duration_seconds", Instrument: "otelcoder.source.collection.duration",
		Type: Gauge, Group: Process, Origin: Health, Unit: "s",
		Measured: Source{}, Labels: []string{"source"},
		Help: "How long the last collection from the source took, in seconds.",
	},
	HealthSourceInterval: {
		Name: "otelcoder_source_interval_seconds", Instrument: "otelcoder.source.interval",
		Type: Gauge, Group: Process, Origin: Health, Unit: "s",
		Measured: Source{}, Labels: []string{"source"},
		Help: "Interval between collections from the source, in seconds; its series are withdrawn after five.",
	},
	HealthSourceLastSuccess: {
		Name: "otelcoder_source_last_success_timestamp_seconds", Instrument: "otelcoder.source.last_success",
		Type: Gauge, Group: Process, Origin: Health, Unit: "s",
		Measured: Source{}, Labels: []string{"source"},
		Help: "When a collection from the source last succeeded, in seconds since the Unix epoch; 0 for never.",
	},
	HealthSourceSeries: {
		Name: "otelcoder_source_series", Instrument: "otelcoder.source.series",
		Type: Gauge, Group: Process, Origin: Health, Unit: "{series}",
		Measured: Source{}, Labels: []string{"source"},
		Help: "Number of series held from the source's last successful collection; 0 once they are withdrawn.",
	},
	HealthSourceUp: {
		Name: "otelcoder_source_up", Instrument: "otelcoder.source.up",
		Type: Gauge, Group: Process, Origin: Health,
		Measured: Source{}, Labels: []string{"source"},
		Help: "1 if the last collection from the source succeeded, else 0.",
	},
}
