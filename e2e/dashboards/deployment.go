package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelcoder/otelcoder/instrument"
)

// Expressions for the deployment's agents, each once, with the template of its workspace.
const (
	agents       = `max by (agent_name, username, workspace_name, status, lifecycle_state) (coderd_agents_connections{})` + withTemplate
	missing      = `max by (agent_name, username, workspace_name, status, lifecycle_state) (coderd_agents_connections{status=~"disconnected|timeout"})` + withTemplate
	withTemplate = ` * on (username, workspace_name) group_left (template_name) topk by (username, workspace_name) (1, group by (username, workspace_name, template_name) (coderd_agents_up{}))`
)

// workspaces are the labels of coderd_workspace_latest_build_status.
const workspaces = "status, template_name, template_version, workspace_owner, workspace_transition"

// Pages of Coder that tables link to.
const (
	workspacePage  = "${coder_url}/@${__data.fields.username}/${__data.fields.workspace_name}"
	workspacesPage = "${coder_url}/workspaces?filter=name:${__data.fields.workspace_name} template:${__data.fields.template_name}"
	templatePage   = "${coder_url}/templates/${__data.fields.template_name}"
)

// preset are the labels of the families for prebuilt workspaces.
const preset = "organization_name, preset_name, template_name"

func deployment(e instrument.Edition) board {
	owner := label(e, instrument.WorkspaceBuilds, "owner_email", "workspace_owner")
	action := label(e, instrument.WorkspaceBuilds, "action", "workspace_transition")
	template := e.Info(instrument.InsightsTemplatesActiveUsers).Labels
	byTemplate, ofTemplate := strings.Join(template, ", "), "{{"+strings.Join(template, "}} {{")+"}}"
	workspace := map[string]string{"workspace_name": workspacePage, "template_name": templatePage}
	gone := tabular(12, units.DateTimeFromNow, "Agents that are disconnected", "CoderAgentsDisconnected", "Agents that are disconnected or never connected in time, and when each was last connected in the time that is shown.\n\nOpen the workspace: stop and start it if its host is gone.",
		`(`+missing+`) * 0 + on (agent_name, username, workspace_name) group_left () max by (agent_name, username, workspace_name) (max_over_time(timestamp(coderd_agents_connections{status="connected"})[$__range:5m])) * 1000 or (`+missing+`) * 0`, "last connected", workspace)
	gone.mappings = map[string]dashboard.ValueMappingResult{"0": state("unknown", grey)}
	return board{e, "coder-deployment", "Coder / Deployment", "Workspaces, agents, builds, insights and the licence of a deployment.", []string{"template_name", "username", "workspace_name"}, []row{
		wrong(),
		{"Disconnected and failing", []panel{
			gone,
			tabular(12, units.Short, "Apps that are unhealthy", "admin/prometheus.md", "Apps whose health check fails.\n\nRead the app's log in the workspace. An app that fails everywhere: look at its template.",
				`max by (username, workspace_name, agent_name, app_name) (coderd_agents_apps{health="unhealthy"})`, "apps", workspace),
			tabular(12, units.Short, "Templates whose builds fail", "CoderBuildsFailing", "Failed builds of each template version in the time that is shown.\n\nActivate the previous version, or read the log of one of the builds.",
				`round(sum by (template_name, template_version) (increase(coderd_workspace_builds_total{status="failed"}[$__range]))) > 0`, "failed builds", workspace),
			tabular(12, units.Short, "Workspaces whose builds fail", "CoderBuildsFailing", "Failed builds of each workspace in the time that is shown.\n\nRead the log of the build on the workspace's page.",
				`round(sum by (`+owner+`, workspace_name, template_name, `+action+`) (increase(coderd_workspace_builds_total{status="failed"}[$__range]))) > 0`, "failed builds", map[string]string{"workspace_name": workspacesPage, "template_name": templatePage}),
		}},
		{"Users and workspaces", []panel{
			number(4, units.Short, "Active in the past hour", "admin/prometheus.md", "Users whose API key was used in the past hour.\n\n0 in working hours: users cannot reach the deployment.", query{"", `max(coderd_api_active_users_duration_hour{})`}),
			graph(8, units.Short, "Seats", "CoderLicenseSeats", "Active users, and the seats of the licence. Without a licence there is no limit.\n\nSuspend users who have left, or ask Coder for seats.",
				query{"active users", `max(coderd_license_active_users{})`},
				query{"seats", `max(coderd_license_limit_users{})`}),
			timeline(4, "Limit enforced", "CoderLicenseSeats", "Whether the licence enforces its seats.\n\nNo, though you have a licence: it has expired, or is not valid yet.", state("no", grey), state("yes", blue), query{"limit", `max(coderd_license_user_limit_enabled{})`}),
			graph(8, units.Short, "Workspaces by their latest build", "CoderBuildsPending", "Workspaces, by the status of their latest build. Stopped ones have succeeded, too.\n\nMany failed: see the failing templates. Many pending: too few provisioners.", query{"{{status}}", `max by (status) (coderd_api_workspace_latest_build_total{})`}),
			graph(8, units.Short, "Users by status", "CoderLicenseSeats", "Users by their status. Only active ones take a seat of the licence.\n\nMany active ones who are not seen in the past hour: suspend those who have left.", query{"{{status}}", `max by (status) (coderd_api_total_user_count{})`}),
			list(8, units.Short, "Running workspaces by template", "admin/prometheus.md", "Workspaces whose latest build started them, of the templates with most.\n\nMore than a template should have: set its autostop, or a quota.",
				query{"{{template_name}}", `topk(10, sum by (template_name) (max by (` + workspaces + `) (coderd_workspace_latest_build_status{status="succeeded",workspace_transition="start"})))`}),
			tabular(8, units.Short, "Workspaces whose latest build failed", "CoderBuildsFailing", "Workspaces whose latest build failed, by template version.\n\nA new version of the template has most: activate the previous one.",
				`sum by (template_name, template_version, workspace_transition) (max by (`+workspaces+`) (coderd_workspace_latest_build_status{status="failed"})) > 0`, "workspaces", map[string]string{"template_name": templatePage}),
		}},
		{"Agents", []panel{
			graph(8, units.Short, "Agents by template", "CoderAgentsDisconnected", "Agents of the latest build of each workspace, whatever their state.\n\nA template that falls to 0: its workspaces were stopped. Look at the builds.",
				query{"{{template_name}}", `sum by (template_name) (max by (template_name, username, workspace_name) (coderd_agents_up{}))`}),
			graph(8, units.Short, "Connection", "CoderAgentsDisconnected", "Agents by how they are connected.\n\nMany disconnected at once: look between them and the control plane. timeout: the agent never started.",
				query{"{{status}}", `sum by (status) (` + agents + `)`}),
			graph(8, units.Short, "Lifecycle", "CoderAgentsStartFailing", "Agents by the state of their lifecycle.\n\nstart_error and start_timeout: a startup script fails or is slow.",
				query{"{{lifecycle_state}}", `sum by (lifecycle_state) (` + agents + `)`}),
			graph(8, units.Seconds, "Latency to the relay", "admin/prometheus.md", "The latency of agents to their home region.\n\nOne region: its relay, or the network to it. Agents far from every region need a nearer one.",
				percentiles("{{derp_region}}", `quantile by (derp_region) (%v, coderd_agents_connection_latencies_seconds{preferred="true"})`)...),
			graph(8, units.Short, "Apps", "admin/prometheus.md", "Apps of agents, by their health. Without a health check they are disabled.\n\nUnhealthy apps: the table has their names.", query{"{{health}}", `sum by (health) (max by (agent_name, username, workspace_name, app_name, health) (coderd_agents_apps{}))`}),
			graph(8, units.BytesPerSecondSI, "Traffic", "service.md", "Bytes a second that agents received and sent.\n\nNone, with agents connected: agent statistics are not collected (--prometheus-collect-agent-stats).",
				query{"received", `sum(max by (agent_name, username, workspace_name) (avg_over_time(coderd_agentstats_rx_bytes{}[$__rate_interval]))) * scalar(max(rate(coderd_metrics_collector_agents_execution_seconds_count{}[$__rate_interval])))`},
				query{"sent", `sum(max by (agent_name, username, workspace_name) (avg_over_time(coderd_agentstats_tx_bytes{}[$__rate_interval]))) * scalar(max(rate(coderd_metrics_collector_agents_execution_seconds_count{}[$__rate_interval])))`}),
			graph(12, units.Short, "Sessions", "CoderAgentsDisconnected", "Sessions of users in their workspaces, and connections in all.\n\nAll fall at once: users cannot reach their workspaces. See Connection.",
				query{"VS Code", `sum(max by (agent_name, username, workspace_name) (coderd_agentstats_session_count_vscode{}))`},
				query{"JetBrains", `sum(max by (agent_name, username, workspace_name) (coderd_agentstats_session_count_jetbrains{}))`},
				query{"web terminal", `sum(max by (agent_name, username, workspace_name) (coderd_agentstats_session_count_reconnecting_pty{}))`},
				query{"SSH", `sum(max by (agent_name, username, workspace_name) (coderd_agentstats_session_count_ssh{}))`},
				query{"connections", `sum(max by (agent_name, username, workspace_name) (coderd_agentstats_connection_count{}))`}),
			list(12, units.Seconds, "Latency to users", "admin/prometheus.md", "The median latency of the connections to the slowest workspaces.\n\nMore than 0.2 s is felt while typing. Is the workspace far from its user, or is the connection relayed?",
				query{"{{username}}/{{workspace_name}}", `topk(10, max by (username, workspace_name) (coderd_agentstats_connection_median_latency_seconds{}))`}).levels(0.2, 0.5),
		}},
		{"Builds", []panel{
			bars(12, "Builds", "CoderBuildsFailing", "Builds of workspaces that ended. A canceled one is a failed one.\n\nFailed ones: see the failing templates.", query{"{{" + action + "}} {{status}}", `sum by (` + action + `, status) (increase(coderd_workspace_builds_total{}[$__interval]))`}),
			graph(12, units.Short, "Jobs that run", "CoderBuildsPending", "Jobs that provisioners are working on, and builds that wait.\n\nAs many jobs as provisioners, for long: builds wait. Add provisioners.",
				query{"{{provisioner}}", `sum by (provisioner) (coderd_provisionerd_jobs_current{})`},
				query{"daemons", `max(coderd_provisionerd_num_daemons{})`},
				query{"builds pending", `max(coderd_api_workspace_latest_build_total{status="pending"})`}),
			graph(12, units.Seconds, "How long jobs take", "CoderBuildsPending", "Time of provisioner jobs, those that import templates too.\n\nSlower than it was: the cloud, or the download of Terraform's providers. A mirror of them helps.",
				percentiles("{{provisioner}} {{status}}", `histogram_quantile(%v, sum by (le, provisioner, status) (rate(coderd_provisionerd_job_timings_seconds_bucket{}[$__rate_interval])))`)...),
			list(6, units.Seconds, "Startup scripts", "CoderAgentsStartFailing", "The longest startup script of each template.\n\nMove the slow part into the image. success=false: it failed or took too long.",
				query{"{{template_name}} success={{success}}", `max by (template_name, success) (coderd_agentstats_startup_script_seconds{})`}).levels(60, 300),
			bars(6, "Scripts of agents", "CoderAgentsStartFailing", "Scripts that agents ran, scheduled ones too.\n\nFailed ones: read the agent's log of a workspace of that template.", query{"{{template_name}} success={{success}}", `sum by (template_name, success) (increase(agent_scripts_executed_total{}[$__interval]))`}),
			graph(8, units.Seconds, "Wait in the queue", "CoderBuildsPending", "Time from the creation of a job until a provisioner takes it.\n\nMore than seconds: add provisioners, or look for one with the tags that the template asks for.",
				percentiles("{{job_type}}", `histogram_quantile(%v, sum by (le, job_type) (rate(coderd_provisioner_job_queue_wait_seconds_bucket{}[$__rate_interval])))`)...),
			list(8, units.Seconds, "Slowest builds by template", "CoderBuildsPending", "The 95th percentile of the time of builds in the time that is shown.\n\nOne version of a template is slower than the one before: compare the logs of a build of each.",
				query{"{{template_name}} {{template_version}} {{workspace_transition}}", `topk(10, histogram_quantile(0.95, sum by (le, template_name, template_version, workspace_transition) (increase(coderd_provisionerd_workspace_build_timings_seconds_bucket{}[$__range]))))`}),
			list(8, units.Seconds, "Time until agents are ready", "CoderAgentsStartFailing", "The 95th percentile of the time from the creation of a build until its agents are ready, in the time that is shown.\n\nMuch longer than the build: the startup script. See Startup scripts.",
				query{"{{organization_name}} {{template_name}} {{status}}", `topk(10, histogram_quantile(0.95, sum by (le, organization_name, template_name, status) (increase(coderd_template_workspace_build_duration_seconds_bucket{}[$__range]))))`}),
			graph(8, units.Seconds, "Time until agents connect", "CoderAgentsDisconnected", "Time from the creation of an agent until its first connection.\n\nSlower than it was: the image, or the network between workspaces and the control plane.",
				percentiles("", `histogram_quantile(%v, sum by (le) (rate(coderd_agents_first_connection_seconds_bucket{}[$__rate_interval])))`)...),
			bars(8, "Why workspaces are built", "CoderBuildsFailing", "Builds that were queued, by reason.\n\nMany of autostart at once wait for each other: let schedules differ, or add provisioners.",
				query{"{{build_reason}}", `sum by (build_reason) (increase(coderd_workspace_builds_enqueued_total{}[$__interval]))`}),
			graph(8, units.Seconds, "Time to create a workspace", "CoderBuildsPending", "The 95th percentile of the time of first builds, and of claims of prebuilt workspaces.\n\nUsers wait for regular ones: prebuilt workspaces are claimed in less time.",
				query{"p95 {{type}}", `histogram_quantile(0.95, sum by (le, type) (rate(coderd_workspace_creation_duration_seconds_bucket{}[$__rate_interval])))`},
				query{"p95 claim", `histogram_quantile(0.95, sum by (le) (rate(coderd_prebuilt_workspace_claim_duration_seconds_bucket{}[$__rate_interval])))`}),
		}},
		{"Prebuilt workspaces", []panel{
			graph(12, units.Short, "Pool", "editions.md", "Prebuilt workspaces that are desired, that run, and that can be claimed. Without prebuilt workspaces in the licence, none.\n\nFewer eligible than desired for long: see the presets below.",
				query{"desired", `sum(max by (` + preset + `) (coderd_prebuilt_workspaces_desired{}))`},
				query{"running", `sum(max by (` + preset + `) (coderd_prebuilt_workspaces_running{}))`},
				query{"eligible", `sum(max by (` + preset + `) (coderd_prebuilt_workspaces_eligible{}))`}),
			bars(12, "Created, failed, claimed", "editions.md", "Prebuilt workspaces that were created, that failed to build, that users claimed, and workspaces that were created without one.\n\nFailed ones: see the failing templates. Many regular ones: their presets have too few prebuilt workspaces, or none.",
				query{"created", `sum(max by (` + preset + `) (increase(coderd_prebuilt_workspaces_created_total{}[$__interval])))`},
				query{"failed", `sum(max by (` + preset + `) (increase(coderd_prebuilt_workspaces_failed_total{}[$__interval])))`},
				query{"claimed", `sum(max by (` + preset + `) (increase(coderd_prebuilt_workspaces_claimed_total{}[$__interval])))`},
				query{"regular", `sum(max by (` + preset + `) (increase(coderd_workspace_creation_total{}[$__interval])))`}),
			tabular(12, units.Short, "Presets that lack workspaces", "editions.md", "Presets with fewer eligible workspaces than desired, and how many they lack. For minutes after claims, this is usual.\n\nFor longer: see the presets that fail, and the queue.",
				`max by (`+preset+`) (coderd_prebuilt_workspaces_desired{}) - max by (`+preset+`) (coderd_prebuilt_workspaces_eligible{}) > 0`, "lacking", map[string]string{"template_name": templatePage}),
			tabular(12, units.Short, "Presets that are not built", "editions.md", "Presets for which Coder builds no more workspaces, with the reason.\n\nhard limit: too many builds failed in a row; repair the template, and activate a new version. validation: the preset lacks a parameter of the template.",
				`label_replace(max by (`+preset+`) (coderd_prebuilt_workspaces_preset_hard_limited{}), "reason", "hard limit", "", "") or label_replace(max by (`+preset+`) (coderd_prebuilt_workspaces_preset_validation_failed{}), "reason", "validation", "", "")`, "", map[string]string{"template_name": templatePage}),
		}},
		{"Insights", []panel{
			graph(8, units.Short, "Active users by template", "CoderBuildsFailing", "Users who used a workspace of each template in the past five minutes.\n\nA template that lost all its users at once: look at its builds.", query{ofTemplate, `max by (` + byTemplate + `) (coderd_insights_templates_active_users{})`}),
			list(8, units.Seconds, "Usage by application", "admin/prometheus.md", "Seconds that users spent in each application in the past five minutes.\n\nAn application that nobody uses may leave the template.",
				query{"{{application_name}} {{slug}}", `topk(15, sum by (application_name, slug) (max by (application_name, slug, ` + byTemplate + `) (coderd_insights_applications_usage_seconds{})))`}),
			list(8, units.Short, "Parameters", "security.md", "The values that users chose for builds of the past five minutes. They are text that users typed; --without-parameters leaves them out.\n\nSomething secret in it: take the parameter out of the template, or leave the family out.",
				query{ofTemplate + " {{parameter_name}}={{parameter_value}}", `topk(15, max by (` + byTemplate + `, parameter_name, parameter_type, parameter_value) (coderd_insights_parameters{}))`}),
		}},
	}}
}
