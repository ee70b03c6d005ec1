package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// wrong returns the first row of each dashboard, which is green while nothing is wrong.
func wrong() row {
	reports := number(4, units.NoUnit, "Who reports", "OtelcoderNoReporter", "The replica that reports the deployment. Each replica of a control plane that imports otelcoder does.\n\nWithout one there are no metrics of the deployment.",
		query{"{{instance}}", `max by (instance) (otelcoder_reporter{}) == 1`},
		query{"nobody", `max(otelcoder_reporter{}) == 0`}).levels(1, 0.5)
	reports.kind.(*stat.PanelBuilder).TextMode(common.BigValueTextModeName)
	first := row{"What is wrong now", []panel{
		number(3, units.Short, "Alerts", "runbooks/README.md", "How many alerts fire. Always 0 unless the shipped rules are loaded.\n\nTheir list is on the right.",
			query{"", `count(ALERTS{alertstate="firing",alertname=~"(Coder|Otelcoder).+",job=~"$job|"}) or vector(0)`}).levels(1, 5),
		number(3, units.Short, "Agents disconnected", "CoderAgentsDisconnected", "Agents that are disconnected or never connected in time.\n\nTheir list is on the dashboard of the deployment.",
			query{"", `sum(max by (agent_name, username, workspace_name, status) (coderd_agents_connections{status=~"disconnected|timeout"})) or vector(0)`}).count(),
		number(3, units.PercentUnit, "Share disconnected", "CoderAgentsDisconnected", "The share of agents that are disconnected or never connected in time.\n\nMany at once: look at the network between workspaces and the control plane.",
			query{"", `(sum(max by (agent_name, username, workspace_name, status) (coderd_agents_connections{status=~"disconnected|timeout"})) or vector(0)) / sum(max by (agent_name, username, workspace_name, status) (coderd_agents_connections{}))`}).levels(0.15, 0.25),
		number(3, units.Short, "Agents lost", "CoderAgentsLost", "Agents that were connected within the past hour and are disconnected now.\n\nLook for the hosts of their workspaces.",
			query{"", `count(group by (agent_name, username, workspace_name) (coderd_agents_connections{status="disconnected"}) and group by (agent_name, username, workspace_name) (max_over_time(coderd_agents_connections{status="connected"}[1h]))) or vector(0)`}).levels(1, 10),
		number(3, units.Short, "Failed builds, 1 h", "CoderBuildsFailing", "Builds that failed in the past hour.\n\nSee the failing templates.",
			query{"", `round(sum(increase(coderd_workspace_builds_total{status="failed"}[1h]))) or vector(0)`}).count(),
		number(3, units.Short, "Failing templates, 1 h", "CoderBuildsFailing", "Templates of which more than half of the past hour's builds failed, and at least three.\n\nActivate the previous version of the template.",
			query{"", `count(sum by (template_name) (increase(coderd_workspace_builds_total{status="failed"}[1h])) / sum by (template_name) (increase(coderd_workspace_builds_total{}[1h])) > 0.5 and sum by (template_name) (increase(coderd_workspace_builds_total{status="failed"}[1h])) >= 3) or vector(0)`}).levels(1, 3),
		number(3, units.PercentUnit, "API errors", "CoderAPIErrors", "The share of requests that are answered with a 5xx.\n\nLook at the database first.",
			query{"", `(sum(rate(coderd_api_requests_processed_total{code=~"5.."}[$__rate_interval])) or vector(0)) / sum(rate(coderd_api_requests_processed_total{}[$__rate_interval]))`}).levels(0.01, 0.05),
		number(3, units.PercentUnit, "OAuth2 calls left", "CoderOAuth2RateLimit", "The share of calls that the most used external OAuth2 provider still allows in this interval.\n\nWithout any, the provider refuses until the interval ends.",
			query{"", `min(coderd_oauth2_external_requests_rate_limit_remaining{} / coderd_oauth2_external_requests_rate_limit_total{} and coderd_oauth2_external_requests_rate_limit_reset_in_seconds{} > 0)`}).levels(0.25, 0.1),
		number(4, units.Short, "Failing sources", "OtelcoderSourceDown", "Parts of the deployment's state that no replica can read.\n\nAll of them: the database is unavailable.",
			query{"", `count(max by (source) (otelcoder_source_up{}) == 0) or vector(0)`}).levels(1, 3),
		number(4, units.Seconds, "Oldest data", "OtelcoderSourceStale", "Time since the source that was read least recently. A source that was never read counts as failing.\n\nSeries of a source are withdrawn after five missed intervals.",
			query{"", `time() - min(max by (source) (otelcoder_source_last_success_timestamp_seconds{} > 0))`}).levels(900, 1800),
		reports,
		tabular(12, units.Short, "Firing alerts", "runbooks/README.md", "The alerts that fire, each with a link to its runbook. Empty unless the shipped rules are loaded.\n\nStart with critical ones.",
			`sum by (alertname, severity, template_name, source, name) (ALERTS{alertstate="firing",alertname=~"(Coder|Otelcoder).+",job=~"$job|"})`, "", map[string]string{"alertname": pages + "docs/runbooks/${__value.raw}.md"}),
	}}
	for i := range first.panels {
		first.panels[i].height = 4
	}
	return first
}
