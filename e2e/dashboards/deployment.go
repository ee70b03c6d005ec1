package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// The agents of the deployment, each once, with the template of their workspace.
const (
	agents       = `max by (agent_name, username, workspace_name, status, lifecycle_state) (coderd_agents_connections{})` + withTemplate
	missing      = `max by (agent_name, username, workspace_name, status, lifecycle_state) (coderd_agents_connections{status=~"disconnected|timeout"})` + withTemplate
	withTemplate = ` * on (username, workspace_name) group_left (template_name) topk by (username, workspace_name) (1, group by (username, workspace_name, template_name) (coderd_agents_up{}))`
)

// Pages of Coder that tables link to.
const (
	workspacePage  = "${coder_url}/@${__data.fields.username}/${__data.fields.workspace_name}"
	workspacesPage = "${coder_url}/workspaces?filter=name:${__data.fields.workspace_name} template:${__data.fields.template_name}"
	templatePage   = "${coder_url}/templates/${__data.fields.template_name}"
)

func deployment() board {
	workspace := map[string]string{"workspace_name": workspacePage, "template_name": templatePage}
	gone := tabular(12, units.DateTimeFromNow, "Agents that are disconnected", "CoderAgentsDisconnected", "Agents that are disconnected or never connected in time, and when each was last connected in the time that is shown.\n\nOpen the workspace: stop and start it if its host is gone.",
		`(`+missing+`) * 0 + on (agent_name, username, workspace_name) group_left () max by (agent_name, username, workspace_name) (max_over_time(timestamp(coderd_agents_connections{status="connected"})[$__range:5m])) * 1000 or (`+missing+`) * 0`, "last connected", workspace)
	gone.mappings = map[string]dashboard.ValueMappingResult{"0": state("unknown", grey)}
	return board{"coder-deployment", "Coder / Deployment", "Workspaces, agents, builds, insights and the licence of a deployment.", []string{"template_name", "username", "workspace_name"}, []row{
		wrong(),
		{"Disconnected and failing", []panel{
			gone,
			tabular(12, units.Short, "Apps that are unhealthy", "admin/prometheus.md", "Apps whose health check fails.\n\nRead the app's log in the workspace. An app that fails everywhere: look at its template.",
				`max by (username, workspace_name, agent_name, app_name) (coderd_agents_apps{health="unhealthy"})`, "apps", workspace),
			tabular(12, units.Short, "Templates whose builds fail", "CoderBuildsFailing", "Failed builds of each template version in the time that is shown.\n\nActivate the previous version, or read the log of one of the builds.",
				`round(sum by (template_name, template_version) (increase(coderd_workspace_builds_total{status="failed"}[$__range]))) > 0`, "failed builds", workspace),
			tabular(12, units.Short, "Workspaces whose builds fail", "CoderBuildsFailing", "Failed builds of each workspace in the time that is shown.\n\nRead the log of the build on the workspace's page.",
				`round(sum by (owner_email, workspace_name, template_name, action) (increase(coderd_workspace_builds_total{status="failed"}[$__range]))) > 0`, "failed builds", map[string]string{"workspace_name": workspacesPage, "template_name": templatePage}),
		}},
		{"Users and workspaces", []panel{
			number(4, units.Short, "Active in the past hour", "admin/prometheus.md", "Users whose API key was used in the past hour.\n\n0 in working hours: users cannot reach the deployment.", query{"", `max(coderd_api_active_users_duration_hour{})`}),
			graph(8, units.Short, "Seats", "CoderLicenseSeats", "Active users, and the seats of the licence. Without a licence there is no limit.\n\nSuspend users who have left, or ask Coder for seats.",
				query{"active users", `max(coderd_license_active_users{})`},
				query{"seats", `max(coderd_license_limit_users{})`}),
			timeline(4, "Limit enforced", "CoderLicenseSeats", "Whether the licence enforces its seats.\n\nNo, though you have a licence: it has expired, or is not valid yet.", state("no", grey), state("yes", blue), query{"limit", `max(coderd_license_user_limit_enabled{})`}),
			graph(8, units.Short, "Workspaces by their latest build", "CoderBuildsPending", "Workspaces, by the status of their latest build. Stopped ones have succeeded, too.\n\nMany failed: see the failing templates. Many pending: too few provisioners.", query{"{{status}}", `max by (status) (coderd_api_workspace_latest_build_total{})`}),
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
			bars(12, "Builds", "CoderBuildsFailing", "Builds of workspaces that ended. A canceled one is a failed one.\n\nFailed ones: see the failing templates.", query{"{{action}} {{status}}", `sum by (action, status) (increase(coderd_workspace_builds_total{}[$__interval]))`}),
			graph(12, units.Short, "Jobs that run", "CoderBuildsPending", "Jobs that provisioners are working on, and builds that wait.\n\nAs many jobs as provisioners, for long: builds wait. Add provisioners.",
				query{"{{provisioner}}", `sum by (provisioner) (coderd_provisionerd_jobs_current{})`},
				query{"builds pending", `max(coderd_api_workspace_latest_build_total{status="pending"})`}),
			graph(12, units.Seconds, "How long jobs take", "CoderBuildsPending", "Time of provisioner jobs, those that import templates too.\n\nSlower than it was: the cloud, or the download of Terraform's providers. A mirror of them helps.",
				percentiles("{{provisioner}} {{status}}", `histogram_quantile(%v, sum by (le, provisioner, status) (rate(coderd_provisionerd_job_timings_seconds_bucket{}[$__rate_interval])))`)...),
			list(6, units.Seconds, "Startup scripts", "CoderAgentsStartFailing", "The longest startup script of each template.\n\nMove the slow part into the image. success=false: it failed or took too long.",
				query{"{{template_name}} success={{success}}", `max by (template_name, success) (coderd_agentstats_startup_script_seconds{})`}).levels(60, 300),
			bars(6, "Scripts of agents", "CoderAgentsStartFailing", "Scripts that agents ran, scheduled ones too.\n\nFailed ones: read the agent's log of a workspace of that template.", query{"{{template_name}} success={{success}}", `sum by (template_name, success) (increase(agent_scripts_executed_total{}[$__interval]))`}),
		}},
		{"Insights", []panel{
			graph(8, units.Short, "Active users by template", "CoderBuildsFailing", "Users who used a workspace of each template in the past five minutes.\n\nA template that lost all its users at once: look at its builds.", query{"{{template_name}}", `max by (template_name) (coderd_insights_templates_active_users{})`}),
			list(8, units.Seconds, "Usage by application", "admin/prometheus.md", "Seconds that users spent in each application in the past five minutes.\n\nAn application that nobody uses may leave the template.",
				query{"{{application_name}} {{slug}}", `topk(15, sum by (application_name, slug) (max by (application_name, slug, template_name) (coderd_insights_applications_usage_seconds{})))`}),
			list(8, units.Short, "Parameters", "security.md", "The values that users chose for builds of the past five minutes. They are text that users typed; --without-parameters leaves them out.\n\nSomething secret in it: take the parameter out of the template, or leave the family out.",
				query{"{{template_name}} {{parameter_name}}={{parameter_value}}", `topk(15, max by (template_name, parameter_name, parameter_type, parameter_value) (coderd_insights_parameters{}))`}),
		}},
	}}
}
