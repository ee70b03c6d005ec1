package main

import "github.com/otelcoder/otelcoder/instrument"

var api = dashboard{
	file:        "coder-api",
	title:       "Coder / API and OAuth2",
	description: "Requests and websockets of the API, and the calls to external OAuth2 providers.",
	rows: []row{
		{"Requests", []panel{
			{
				title: "Requests", unit: "reqps", kind: graph, width: 12,
				shows: "Requests that ended, by status. 101 is a websocket.",
				bad:   "Many 5xx: see the failing routes below and the runbook CoderAPIErrors. Many 401 or 404 from one moment on: a client that was updated, or a stranger who tries paths.",
				queries: []query{
					{rate(instrument.APIRequestsProcessed).sum("code"), "{{code}}"},
				},
			},
			{
				title: "Errors of the server", unit: "percentunit", kind: graph, width: 6, warn: 0.01, alarm: 0.05,
				shows: "The share of requests that are answered with a 5xx.",
				bad:   "Look at the database first: when it is away, all routes fail together. The runbook is CoderAPIErrors.",
				queries: []query{
					{rate(instrument.APIRequestsProcessed, `code=~"5.."`).sum().orZero().over(rate(instrument.APIRequestsProcessed).sum()), "5xx"},
				},
			},
			{
				title: "In flight", unit: "short", kind: graph, width: 6,
				shows: "Requests and websockets that are open now. Each connected agent holds a websocket.",
				bad:   "Requests that grow and do not fall again wait for something: look at latencies and at the database. Websockets that fall at once: a replica ended, or a proxy closed them.",
				queries: []query{
					{gauge(instrument.APIConcurrentRequests).sum(), "requests"},
					{gauge(instrument.APIConcurrentWebsockets).sum(), "websockets"},
				},
			},
			{
				title: "Latency", unit: "s", kind: graph, width: 12, warn: 1, alarm: 2.5,
				shows: "How long requests take that are not websockets.",
				bad:   "See the slowest routes beside it. All of them: the database or the processor. The runbook is CoderAPISlow.",
				queries: []query{
					{quantile(0.5, instrument.APIRequestLatencies), "half take less"},
					{quantile(0.95, instrument.APIRequestLatencies), "19 of 20 take less"},
					{quantile(0.99, instrument.APIRequestLatencies), "99 of 100 take less"},
				},
			},
			{
				title: "Slowest routes", unit: "s", kind: list, width: 12,
				shows: "The time that 19 of 20 requests of a route do not exceed.",
				bad:   "A route that is slow by nature, such as one that follows a log, is none to worry about. Search the control plane's log for the others.",
				queries: []query{
					{quantile(0.95, instrument.APIRequestLatencies, "method", "path").top(10), "{{method}} {{path}}"},
				},
			},
			{
				title: "Busiest routes", unit: "reqps", kind: list, width: 12,
				shows: "The routes with most requests. UNKNOWN and STATIC are requests without a route.",
				bad:   "A route that is asked much more than usual: look for a client in a loop.",
				queries: []query{
					{rate(instrument.APIRequestsProcessed).sum("method", "path").top(10), "{{method}} {{path}}"},
				},
			},
			{
				title: "Routes with errors", unit: "reqps", kind: list, width: 12,
				shows: "The routes with most answers of 400 and more.",
				bad:   "500 and more: search the log for the route. 401 and 403: a token that expired. _OTHER is a method that HTTP does not have.",
				queries: []query{
					{rate(instrument.APIRequestsProcessed, `code=~"[45].."`).sum("code", "method", "path").top(10), "{{code}} {{method}} {{path}}"},
				},
			},
		}},
		{"Websockets", []panel{
			{
				title: "Websockets that ended", unit: "ops", kind: graph, width: 12,
				shows: "Websockets that ended, refused ones too, by route.",
				bad:   "Many that end at once: a replica was stopped, or a proxy has a time limit. Many all the time: agents that cannot stay connected.",
				queries: []query{
					{observed(instrument.APIWebsocketDurations).sum("path"), "{{path}}"},
				},
			},
			{
				title: "How long they lasted", unit: "s", kind: graph, width: 12,
				shows: "The time that half of the websockets that ended did not exceed.",
				bad:   "Less than a minute for agents: something between them and the control plane closes idle connections. Raise its time limit.",
				queries: []query{
					{quantile(0.5, instrument.APIWebsocketDurations, "path"), "{{path}}"},
				},
			},
		}},
		{"External OAuth2 providers", []panel{
			{
				title: "Calls", unit: "reqps", kind: graph, width: 12,
				shows: "Calls to each provider, by status. 0 is a call without an answer.",
				bad:   "0: the control plane cannot reach the provider. 5xx: the provider's status page. 401: tokens that expired, which is usual. The runbook is CoderOAuth2Failing.",
				queries: []query{
					{rate(instrument.OAuth2Requests).sum("name", "status_code"), "{{name}} {{status_code}}"},
				},
			},
			{
				title: "Kinds of calls", unit: "reqps", kind: list, width: 12,
				shows: "What is asked of each provider.",
				bad:   "Much more ValidateToken than usual: dashboards that are open all day, or a client in a loop.",
				queries: []query{
					{rate(instrument.OAuth2Requests).sum("name", "source").top(10), "{{name}} {{source}}"},
				},
			},
			{
				title: "Calls left", unit: "percentunit", kind: graph, width: 8,
				shows: "The share of the rate limit that is left, of the limit that counts by address.",
				bad:   "Near 0 the provider refuses. Find out what causes 401s; the runbook is CoderOAuth2RateLimit.",
				queries: []query{
					{gauge(instrument.OAuth2RateLimitRemaining).over(gauge(instrument.OAuth2RateLimitTotal)).by("min", "name", "resource"), "{{name}} {{resource}}"},
				},
			},
			{
				title: "Calls used", unit: "short", kind: graph, width: 8,
				shows: "Calls of this interval that count against the limit.",
				bad:   "It grows until the interval ends, and starts again. Where it meets the limit, see the panel beside it.",
				queries: []query{
					{gauge(instrument.OAuth2RateLimitUsed).max("name", "resource"), "{{name}} {{resource}}"},
					{gauge(instrument.OAuth2RateLimitTotal).max("name", "resource"), "limit of {{name}} {{resource}}"},
				},
			},
			{
				title: "Limit is reset in", unit: "s", kind: graph, width: 4,
				shows: "Seconds until the interval ends; 0 once it has.",
				bad:   "Nothing by itself: it tells how long a limit that is used up lasts.",
				queries: []query{
					{gauge(instrument.OAuth2RateLimitResetIn).max("name", "resource"), "{{name}} {{resource}}"},
				},
			},
			{
				title: "Limit is reset at", unit: "dateTimeAsIso", kind: number, width: 4,
				shows: "When the interval ends, as the provider last said.",
				bad:   "A time long ago: there was no 401 since, and nothing to worry about.",
				queries: []query{
					{gauge(instrument.OAuth2RateLimitNextReset).max("name", "resource").apply("%s * 1000"), "{{name}} {{resource}}"},
				},
			},
		}},
	},
}
