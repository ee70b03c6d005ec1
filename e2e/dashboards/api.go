package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelcoder/otelcoder/instrument"
)

func api(e instrument.Edition) board {
	return board{e, "coder-api", "Coder / API and OAuth2", "Requests and websockets of the API, and the calls to external OAuth2 providers.", nil, []row{
		wrong(),
		{"Requests", []panel{
			graph(12, units.RequestsPerSecond, "Requests", "CoderAPIErrors", "Requests that ended, by status. 101 is a websocket.\n\nMany 5xx: see the failing routes. Many 401 or 404 from one moment on: a client that was updated, or a stranger who tries paths.",
				query{"{{code}}", `sum by (code) (rate(coderd_api_requests_processed_total{}[$__rate_interval]))`}),
			graph(6, units.PercentUnit, "Errors of the server", "CoderAPIErrors", "The share of requests that are answered with a 5xx.\n\nLook at the database first: without it, all routes fail together.",
				query{"5xx", `(sum(rate(coderd_api_requests_processed_total{code=~"5.."}[$__rate_interval])) or vector(0)) / sum(rate(coderd_api_requests_processed_total{}[$__rate_interval]))`}).levels(0.01, 0.05),
			graph(6, units.Short, "In flight", "CoderAPISlow", "Requests and websockets that are open now. Each connected agent holds a websocket.\n\nRequests that grow and do not fall again wait for something: look at latencies and at the database. Websockets that fall at once: a replica ended, or a proxy closed them.",
				query{"requests", `sum(coderd_api_concurrent_requests{})`},
				query{"websockets", `sum(coderd_api_concurrent_websockets{})`}),
			graph(12, units.Seconds, "Latency", "CoderAPISlow", "How long requests take that are not websockets.\n\nSee the slowest routes beside it. All of them: the database or the processor.",
				percentiles("", `histogram_quantile(%v, sum by (le) (rate(coderd_api_request_latencies_seconds_bucket{}[$__rate_interval])))`)...).levels(1, 2.5),
			list(12, units.Seconds, "Slowest routes", "CoderAPISlow", "The 95th percentile of each route.\n\nIgnore a route that is slow by nature, such as one that follows a log. Search the control plane's log for the others.",
				query{"{{method}} {{path}}", `topk(10, histogram_quantile(0.95, sum by (le, method, path) (rate(coderd_api_request_latencies_seconds_bucket{}[$__rate_interval]))))`}).levels(1, 2.5),
			list(12, units.RequestsPerSecond, "Busiest routes", "CoderAPISlow", "The routes with most requests. UNKNOWN and STATIC are requests without a route.\n\nA route with many more requests than usual: look for a client in a loop.",
				query{"{{method}} {{path}}", `topk(10, sum by (method, path) (rate(coderd_api_requests_processed_total{}[$__rate_interval])))`}),
			list(12, units.RequestsPerSecond, "Routes with errors", "CoderAPIErrors", "The routes with most answers of 400 and more.\n\n500 and more: search the log for the route. 401 and 403: a token that expired. _OTHER is a method that HTTP does not have.",
				query{"{{code}} {{method}} {{path}}", `topk(10, sum by (code, method, path) (rate(coderd_api_requests_processed_total{code=~"[45].."}[$__rate_interval])))`}),
		}},
		{"Websockets", []panel{
			graph(12, units.OpsPerSecond, "Websockets that ended", "CoderAgentsDisconnected", "Websockets that ended, refused ones too, by route.\n\nMany that end at once: a replica was stopped, or a proxy has a time limit. Many all the time: agents that cannot stay connected.",
				query{"{{path}}", `sum by (path) (rate(coderd_api_websocket_durations_seconds_count{}[$__rate_interval]))`}),
			graph(12, units.Seconds, "How long they lasted", "CoderAgentsDisconnected", "The durations of the websockets that ended.\n\nLess than a minute for agents: something between them and the control plane closes idle connections. Raise its time limit.",
				percentiles("{{path}}", `histogram_quantile(%v, sum by (le, path) (rate(coderd_api_websocket_durations_seconds_bucket{}[$__rate_interval])))`)...),
		}},
		{"External OAuth2 providers", []panel{
			graph(12, units.RequestsPerSecond, "Calls", "CoderOAuth2Failing", "Calls to each provider, by status. 0 is a call without an answer.\n\n0: the control plane cannot reach the provider. 5xx: the provider's status page. 401: tokens that expired, which is usual.",
				query{"{{name}} {{status_code}}", `sum by (name, status_code) (rate(coderd_oauth2_external_requests_total{}[$__rate_interval]))`}),
			list(12, units.RequestsPerSecond, "Kinds of calls", "CoderOAuth2RateLimit", "Calls to each provider, by kind.\n\nMany more of ValidateToken than usual: dashboards that are open all day, or a client in a loop.",
				query{"{{name}} {{source}}", `topk(10, sum by (name, source) (rate(coderd_oauth2_external_requests_total{}[$__rate_interval])))`}),
			graph(8, units.PercentUnit, "Calls left", "CoderOAuth2RateLimit", "The share of the rate limit that is left, of the limit that counts by address.\n\nNear 0 the provider refuses. Find out what causes 401s.",
				query{"{{name}} {{resource}}", `min by (name, resource) (coderd_oauth2_external_requests_rate_limit_remaining{} / coderd_oauth2_external_requests_rate_limit_total{})`}).levels(0.25, 0.1),
			graph(8, units.Short, "Calls used", "CoderOAuth2RateLimit", "Calls of this interval that count against the limit.\n\nIt grows until the interval ends, and starts again. Where it meets the limit, see the panel beside it.",
				query{"{{name}} {{resource}}", `max by (name, resource) (coderd_oauth2_external_requests_rate_limit_used{})`},
				query{"limit of {{name}} {{resource}}", `max by (name, resource) (coderd_oauth2_external_requests_rate_limit_total{})`}),
			number(4, units.Seconds, "Limit is reset in", "CoderOAuth2RateLimit", "Seconds until the interval ends; 0 once it has.\n\nA long time, with no calls left: the provider refuses until then.", query{"{{name}} {{resource}}", `max by (name, resource) (coderd_oauth2_external_requests_rate_limit_reset_in_seconds{})`}),
			number(4, units.DatetimeLocal, "Limit is reset at", "CoderOAuth2RateLimit", "When the interval ends, as the provider last said.\n\nA time long ago is usual: there was no 401 since.", query{"{{name}} {{resource}}", `max by (name, resource) (coderd_oauth2_external_requests_rate_limit_next_reset_unix{}) * 1000`}),
		}},
	}}
}
