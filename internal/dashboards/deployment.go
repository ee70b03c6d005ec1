package main

import "github.com/otelcoder/otelcoder/instrument"

var deployment = dashboard{
	file:        "coder-deployment",
	title:       "Coder / Deployment",
	description: "Workspaces, agents, builds, insights and the licence of a deployment.",
	templates:   true,
	rows: []row{
		{"Users and workspaces", []panel{
			{
				title: "Active in the past hour", unit: "short", kind: number, width: 4,
				shows: "Users whose API key was used in the past hour.",
				bad:   "0 in working hours: users cannot reach the deployment, or the source is down (dashboard Health).",
				queries: []query{
					{state(instrument.APIActiveUsers).sum(), ""},
				},
			},
			{
				title: "Seats", unit: "short", kind: graph, width: 8,
				shows: "Active users, and the seats of the licence. Without a licence there is no limit.",
				bad:   "Suspend users who have left, or ask Coder for seats. The runbook is CoderLicenseSeats.",
				queries: []query{
					{state(instrument.LicenseActiveUsers).sum(), "active users"},
					{state(instrument.LicenseLimitUsers).sum(), "seats"},
				},
			},
			{
				title: "Limit enforced", unit: "bool_yes_no", kind: number, width: 4,
				shows: "Whether the licence enforces its seats.",
				bad:   "No, though you have a licence: it has expired, or is not valid yet.",
				queries: []query{
					{state(instrument.LicenseUserLimitEnabled).max(), ""},
				},
			},
			{
				title: "Workspaces by their latest build", unit: "short", kind: graph, width: 8,
				shows: "Workspaces, by the status of their latest build. Stopped ones have succeeded, too.",
				bad:   "Many failed: see the failing templates below. Many pending: too few provisioners (runbook CoderBuildsPending).",
				queries: []query{
					{state(instrument.APIWorkspaceLatestBuild).sum("status"), "{{status}}"},
				},
			},
		}},
		{"Agents", []panel{
			{
				title: "Agents by template", unit: "short", kind: graph, width: 8,
				shows: "Agents of the latest build of each workspace, whatever their state.",
				bad:   "A template that falls to 0: its workspaces were stopped. Look at the builds below.",
				queries: []query{
					{state(instrument.AgentsUp).sum("template_name"), "{{template_name}}"},
				},
			},
			{
				title: "Connection", unit: "short", kind: graph, width: 8,
				shows: "Agents by how they are connected.",
				bad:   "Many disconnected at once: look between them and the control plane. timeout: the agent never started. The runbook is CoderAgentsDisconnected.",
				queries: []query{
					{state(instrument.AgentsConnections).sum("status"), "{{status}}"},
				},
			},
			{
				title: "Life", unit: "short", kind: graph, width: 8,
				shows: "Agents by where they are in their life.",
				bad:   "start_error and start_timeout: a startup script fails or is slow. The runbook is CoderAgentsStartFailing.",
				queries: []query{
					{state(instrument.AgentsConnections).sum("lifecycle_state"), "{{lifecycle_state}}"},
				},
			},
			{
				title: "Latency to the relay", unit: "s", kind: graph, width: 8,
				shows: "The latency that nine of ten agents do not exceed to their home region.",
				bad:   "One region: its relay, or the network to it. Agents far from every region need one nearer to them.",
				queries: []query{
					{state(instrument.AgentsConnectionLatencies, `preferred="true"`).quantile(0.9, "derp_region"), "{{derp_region}}"},
				},
			},
			{
				title: "Apps", unit: "short", kind: graph, width: 8,
				shows: "Apps of agents, by their health. Without a health check they are disabled.",
				bad:   "Unhealthy apps: the panel beside it has their names.",
				queries: []query{
					{state(instrument.AgentsApps).sum("health"), "{{health}}"},
				},
			},
			{
				title: "Apps that are not healthy", unit: "short", kind: list, width: 8,
				shows: "Apps by name that are not healthy, or have no health check.",
				bad:   "Open the workspace of one and read the app's log. An app that fails everywhere: look at its template.",
				queries: []query{
					{state(instrument.AgentsApps, `health!="healthy"`).sum("app_name", "health").top(10), "{{app_name}} {{health}}"},
				},
			},
			{
				title: "Traffic", unit: "bytes", kind: graph, width: 8,
				shows: "Bytes that agents received and sent since the collection before.",
				bad:   "None, with agents connected: agent statistics are not collected (--prometheus-collect-agent-stats).",
				queries: []query{
					{state(instrument.AgentStatsRx).sum(), "received"},
					{state(instrument.AgentStatsTx).sum(), "sent"},
				},
			},
			{
				title: "Sessions", unit: "short", kind: graph, width: 8,
				shows: "Sessions of users in their workspaces, and connections in all.",
				bad:   "All fall at once: users cannot reach their workspaces. See Connection above.",
				queries: []query{
					{state(instrument.AgentStatsSessionsVSCode).sum(), "VS Code"},
					{state(instrument.AgentStatsSessionsJetBrains).sum(), "JetBrains"},
					{state(instrument.AgentStatsSessionsReconnectingPTY).sum(), "web terminal"},
					{state(instrument.AgentStatsSessionsSSH).sum(), "SSH"},
					{state(instrument.AgentStatsConnections).sum(), "connections"},
				},
			},
			{
				title: "Latency to users", unit: "s", kind: list, width: 8,
				shows: "The median latency of the connections to the slowest workspaces.",
				bad:   "More than 0.2 s is felt while typing. Is the workspace far from its user, or is the connection relayed?",
				queries: []query{
					{state(instrument.AgentStatsMedianLatency).max("username", "workspace_name").top(10), "{{username}}/{{workspace_name}}"},
				},
			},
		}},
		{"Builds", []panel{
			{
				title: "Builds", unit: "ops", kind: graph, width: 8,
				shows: "Builds of workspaces that ended. A canceled one is a failed one.",
				bad:   "Failed ones: see the failing templates beside it.",
				queries: []query{
					{rate(instrument.WorkspaceBuilds).sum("action", "status"), "{{action}} {{status}}"},
				},
			},
			{
				title: "Templates whose builds fail", unit: "short", kind: list, width: 8,
				shows: "Failed builds in the time that is shown.",
				bad:   "Make the version before it the active one, or read the log of one of the builds. The runbook is CoderBuildsFailing.",
				queries: []query{
					{increase(instrument.WorkspaceBuilds, `status="failed"`).sum("template_name", "template_version").top(10), "{{template_name}} {{template_version}}"},
				},
			},
			{
				title: "Jobs that run", unit: "short", kind: graph, width: 8,
				shows: "Jobs that provisioners are working on.",
				bad:   "As many as there are provisioners, for long: builds wait. Add provisioners (runbook CoderBuildsPending).",
				queries: []query{
					{gauge(instrument.ProvisionerdJobsCurrent).sum("provisioner"), "{{provisioner}}"},
				},
			},
			{
				title: "How long jobs take", unit: "s", kind: graph, width: 8,
				shows: "Time of provisioner jobs, those that import templates too.",
				bad:   "Slower than it was: the cloud, or the download of Terraform's providers. A mirror of them helps.",
				queries: []query{
					{quantile(0.5, instrument.ProvisionerdJobTimings, "provisioner", "status"), "half, {{provisioner}} {{status}}"},
					{quantile(0.95, instrument.ProvisionerdJobTimings, "provisioner", "status"), "19 of 20, {{provisioner}} {{status}}"},
				},
			},
			{
				title: "Startup scripts", unit: "s", kind: list, width: 8,
				shows: "The longest startup script of each template.",
				bad:   "Move what is slow into the image. success=false: it failed or took too long (runbook CoderAgentsStartFailing).",
				queries: []query{
					{gauge(instrument.AgentStatsStartupScript).max("template_name", "success"), "{{template_name}} success={{success}}"},
				},
			},
			{
				title: "Scripts of agents", unit: "ops", kind: graph, width: 8,
				shows: "Scripts that agents ran, scheduled ones too.",
				bad:   "Failed ones: read the agent's log of a workspace of that template.",
				queries: []query{
					{rate(instrument.AgentScriptsExecuted).sum("template_name", "success"), "{{template_name}} success={{success}}"},
				},
			},
		}},
		{"Insights", []panel{
			{
				title: "Active users by template", unit: "short", kind: graph, width: 8,
				shows: "Users who were connected to a workspace of the template in the past five minutes.",
				bad:   "A template that nobody uses: remove it. One that lost all its users at once: look at its builds.",
				queries: []query{
					{state(instrument.InsightsTemplatesActiveUsers).sum("template_name"), "{{template_name}}"},
				},
			},
			{
				title: "Usage by application", unit: "s", kind: list, width: 8,
				shows: "Seconds that users spent in each application in the past five minutes.",
				bad:   "One that nobody uses may leave the template.",
				queries: []query{
					{state(instrument.InsightsApplicationsUsage).sum("application_name", "slug").top(15), "{{application_name}} {{slug}}"},
				},
			},
			{
				title: "Parameters", unit: "short", kind: list, width: 8,
				shows: "The values that users chose for builds of the past five minutes. They are text that users typed; --without-parameters leaves them out.",
				bad:   "Something secret in it: take the parameter out of the template, or leave the family out.",
				queries: []query{
					{state(instrument.InsightsParameters).sum("template_name", "parameter_name", "parameter_type", "parameter_value").top(15), "{{template_name}} {{parameter_name}}={{parameter_value}}"},
				},
			},
		}},
	},
}
