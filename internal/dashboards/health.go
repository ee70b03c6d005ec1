package main

import "github.com/otelcoder/otelcoder/instrument"

var health = dashboard{
	file:        "coder-health",
	title:       "Coder / otelcoder's health",
	description: "How otelcoder itself fares: what it can read, what it refuses, what it costs.",
	rows: []row{
		{"Replicas", []panel{
			{
				title: "Replicas", unit: "short", kind: number, width: 6,
				shows: "Replicas by their version.",
				bad:   "Fewer than you run: look at the targets of Prometheus (runbook OtelcoderAbsent). Two versions for long: an upgrade that hangs.",
				queries: []query{
					{gauge(instrument.HealthBuildInfo).by("count", "version", "goversion"), "{{version}}, {{goversion}}"},
				},
			},
			{
				title: "Who reports", unit: "short", kind: graph, width: 9,
				shows: "1 for the replica that reports the deployment. Each replica of a control plane that imports otelcoder may.",
				bad:   "None: the database is away (runbook OtelcoderNoReporter). One that changes each minute: replicas that cannot hold their connection to the database.",
				queries: []query{
					{gauge(instrument.HealthReporter).max("instance"), "{{instance}}"},
				},
			},
			{
				title: "Scrape errors", unit: "short", kind: graph, width: 9, warn: 0.001, alarm: 0.1,
				shows: "Errors a second while gathering; what is affected is left out.",
				bad:   "The log tells what. The runbook is OtelcoderScrapeErrors.",
				queries: []query{
					{rate(instrument.HealthScrapeErrors).sum("instance"), "{{instance}}"},
				},
			},
		}},
		{"Sources", []panel{
			{
				title: "Sources that answer", unit: "short", kind: graph, width: 8,
				shows: "1 for a source whose last collection succeeded on all replicas that ask it.",
				bad:   "0: the log says why, otelcoder check what to grant (runbook OtelcoderSourceDown).",
				queries: []query{
					{gauge(instrument.HealthSourceUp).by("min", "source"), "{{source}}"},
				},
			},
			{
				title: "Age of what is known", unit: "s", kind: graph, width: 8, warn: 900, alarm: 1800,
				shows: "Time since each source was last read.",
				bad:   "It rises and falls with the interval. More than five intervals: its series are withdrawn (runbook OtelcoderSourceStale).",
				queries: []query{
					{gauge(instrument.HealthSourceLastSuccess).max("source").apply("time() - %s"), "{{source}}"},
				},
			},
			{
				title: "Time of the last collection", unit: "s", kind: graph, width: 8, warn: 10, alarm: 30,
				shows: "How long each source took, which is what it costs the database.",
				bad:   "Look for slow queries in pg_stat_activity, and for a missing VACUUM of the statistics' tables. A longer --interval costs less.",
				queries: []query{
					{gauge(instrument.HealthSourceDuration).max("source"), "{{source}}"},
				},
			},
			{
				title: "Collections of agents", unit: "s", kind: graph, width: 8,
				shows: "How long the collections of agents take, of all replicas.",
				bad:   "As above: the panel shows how it was between scrapes, too.",
				queries: []query{
					{quantile(0.5, instrument.CollectorAgentsExecution), "half take less"},
					{quantile(0.95, instrument.CollectorAgentsExecution), "19 of 20 take less"},
				},
			},
			{
				title: "Series held", unit: "short", kind: graph, width: 8,
				shows: "Series that each source holds.",
				bad:   "0: they were withdrawn. Growth without new workspaces: labels that are made up; aggregate by fewer (--prometheus-aggregate-agent-stats-by).",
				queries: []query{
					{gauge(instrument.HealthSourceSeries).max("source"), "{{source}}"},
				},
			},
			{
				title: "Refused", unit: "ops", kind: graph, width: 8,
				shows: "Items from outside that were not taken, by why.",
				bad:   "Nothing broke. Look for who sends them (runbook OtelcoderRefused).",
				queries: []query{
					{rate(instrument.HealthRefused).sum("origin", "reason"), "{{origin}}: {{reason}}"},
				},
			},
		}},
		{"Readers", []panel{
			{
				title: "Scrapes", unit: "reqps", kind: graph, width: 6,
				shows: "Scrapes by the status of the answer.",
				bad:   "503 or 500: too many at once, or none could be answered; the log tells. None: nobody scrapes.",
				queries: []query{
					{rate(instrument.PromhttpMetricHandlerRequestsTotal).sum("code"), "{{code}}"},
				},
			},
			{
				title: "Scrapes in flight", unit: "short", kind: graph, width: 6,
				shows: "Scrapes that are being answered.",
				bad:   "More than there are scrapers: they are slow to read.",
				queries: []query{
					{gauge(instrument.PromhttpMetricHandlerRequestsInFlight).sum("instance"), "{{instance}}"},
				},
			},
			{
				title: "Held for scrapes", unit: "bytes", kind: graph, width: 6,
				shows: "Bytes of what is rendered ahead of scrapes, by format.",
				bad:   "Scrapers that ask for several formats make each be held. Have all ask for one (scrape_protocols).",
				queries: []query{
					{gauge(instrument.HealthRenderedBytes).sum("format"), "{{format}}"},
				},
			},
			{
				title: "Pushes", unit: "ops", kind: graph, width: 6,
				shows: "Pushes over OTLP by outcome. 0 where none is set up.",
				bad:   "Failures: the log says what the receiver answers (runbook OtelcoderPushFailing).",
				queries: []query{
					{rate(instrument.HealthOTLPExports).sum("outcome"), "{{outcome}}"},
				},
			},
		}},
		{"Process", []panel{
			{
				title: "Processor time", unit: "percentunit", kind: graph, width: 6,
				shows: "Processor time of each process, 100% for one core.",
				bad:   "Look at the time of collections and at how often it is scraped.",
				queries: []query{
					{rate(instrument.ProcessCPUSecondsTotal).sum("instance"), "{{instance}}"},
				},
			},
			{
				title: "Memory", unit: "bytes", kind: graph, width: 6,
				shows: "Resident memory of each process, and what Go's heap uses of it.",
				bad:   "Growth with the number of series is usual; without it, report it with a heap profile.",
				queries: []query{
					{gauge(instrument.ProcessResidentMemoryBytes).sum("instance"), "{{instance}}"},
					{gauge(instrument.GoMemstatsHeapInuseBytes).sum("instance"), "heap of {{instance}}"},
				},
			},
			{
				title: "Goroutines and files", unit: "short", kind: graph, width: 6,
				shows: "Goroutines, and files and connections that are open.",
				bad:   "Growth without end is a leak: report it.",
				queries: []query{
					{gauge(instrument.GoGoroutines).sum("instance"), "goroutines of {{instance}}"},
					{gauge(instrument.ProcessOpenFDs).sum("instance"), "files of {{instance}}"},
				},
			},
			{
				title: "Garbage collection", unit: "percentunit", kind: graph, width: 6,
				shows: "The share of time in which garbage collection stopped the process.",
				bad:   "More than 1%: give it more memory, or set GOGC.",
				queries: []query{
					{total(instrument.GoGCDurationSeconds).sum("instance"), "{{instance}}"},
				},
			},
		}},
	},
}
