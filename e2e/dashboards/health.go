package main

import (
	"fmt"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelcoder/otelcoder/instrument"
)

// ofOtelcoder restricts common metrics, such as go_goroutines, to processes of otelcoder.
const ofOtelcoder = ` and on (job, instance) otelcoder_build_info{}`

func health(e instrument.Edition) board {
	return board{e, "coder-health", "Coder / otelcoder's health", "The health of otelcoder itself: its sources, the items that it refuses, its costs.", nil, []row{
		wrong(),
		{"Replicas", []panel{
			number(6, units.Short, "Replicas", "OtelcoderAbsent", "Replicas by their version.\n\nFewer than you run: look at the targets of Prometheus. Two versions for long: an upgrade that hangs.", query{"{{version}}, {{goversion}}", `count by (version, goversion) (otelcoder_build_info{})`}),
			timeline(9, "Who reports, and when", "OtelcoderNoReporter", "The replica that reports the deployment. Each replica of a control plane that imports otelcoder may.\n\nNone: the database is unavailable. Another each minute: replicas that cannot hold their connection to the database.",
				state("stands by", grey), state("reports", green), query{"{{instance}}", `max by (instance) (otelcoder_reporter{})`}),
			graph(9, units.OpsPerSecond, "Scrape errors", "OtelcoderScrapeErrors", "Errors a second while gathering; what is affected is left out.\n\nThe log has the error.", query{"{{instance}}", `sum by (instance) (rate(otelcoder_scrape_errors_total{}[$__rate_interval]))`}).levels(0.001, 0.1),
		}},
		{"Sources", []panel{
			timeline(8, "Sources", "OtelcoderSourceDown", "Whether the last collection of a source succeeded on all replicas.\n\nThe log has the error, otelcoder check the missing grants.",
				state("fails", red), state("succeeds", green), query{"{{source}}", `min by (source) (otelcoder_source_up{})`}),
			graph(8, units.Seconds, "Age of the data", "OtelcoderSourceStale", "Time since each source was last read.\n\nIt rises and falls with the interval. More than five intervals: its series are withdrawn.", query{"{{source}}", `time() - max by (source) (otelcoder_source_last_success_timestamp_seconds{} > 0)`}, query{"limit of {{source}}", `5 * max by (source) (otelcoder_source_interval_seconds{})`}).levels(900, 1800),
			graph(8, units.Seconds, "Time of the last collection", "OtelcoderSourceStale", "How long each source took, which is its cost for the database.\n\nLook for slow queries in pg_stat_activity, and for a missing VACUUM of the statistics' tables. A longer --interval costs less.",
				query{"{{source}}", `max by (source) (otelcoder_source_collection_duration_seconds{})`}).levels(10, 30),
			graph(8, units.Seconds, "Collections of agents", "database-load.md", "How long the collections of agents take, of all replicas.\n\nAs above: the panel shows the collections between scrapes, too.",
				slices.Concat(
					percentiles("", `histogram_quantile(%v, sum by (le) (rate(coderd_metrics_collector_agents_execution_seconds_bucket{}[$__rate_interval])))`),
					percentiles("of agent statistics", `histogram_quantile(%v, sum by (le) (rate(coderd_prometheusmetrics_agentstats_execution_seconds_bucket{}[$__rate_interval])))`),
				)...),
			graph(8, units.Short, "Series held", "limits.md", "Series that each source holds.\n\n0: they were withdrawn. Growth without new workspaces: labels that are made up; aggregate by fewer (--prometheus-aggregate-agent-stats-by).", query{"{{source}}", `max by (source) (otelcoder_source_series{})`}),
			graph(8, units.OpsPerSecond, "Refused", "OtelcoderRefused", "Items from outside that were refused, by reason.\n\nNothing broke. Look for their sender.", query{"{{origin}}: {{reason}}", `sum by (origin, reason) (rate(otelcoder_refused_total{}[$__rate_interval]))`}),
		}},
		{"Readers", []panel{
			graph(6, units.RequestsPerSecond, "Scrapes", "troubleshooting.md", "Scrapes by the status of the answer.\n\n503 or 500: too many at once, or none could be answered; the log has the error. None: nobody scrapes.", query{"{{code}}", `sum by (code) (rate(promhttp_metric_handler_requests_total{}[$__rate_interval])` + ofOtelcoder + `)`}),
			graph(6, units.Short, "Scrapes in flight", "troubleshooting.md", "Scrapes that are being answered.\n\nMore than there are scrapers: they are slow to read.", query{"{{instance}}", `sum by (instance) (promhttp_metric_handler_requests_in_flight{}` + ofOtelcoder + `)`}),
			graph(6, units.BytesIEC, "Held for scrapes", "performance.md", "Bytes that are rendered ahead of scrapes, by format.\n\nScrapers that ask for several formats make each be held. Have all ask for one (scrape_protocols).", query{"{{format}}", `sum by (format) (otelcoder_rendered_bytes{})`}),
			graph(6, units.OpsPerSecond, "Pushes", "OtelcoderPushFailing", "Pushes over OTLP by outcome. 0 where none is set up.\n\nFailures: the log has the receiver's answer.", query{"{{outcome}}", `sum by (outcome) (rate(otelcoder_otlp_exports_total{}[$__rate_interval]))`}),
		}},
		{"Process", []panel{
			graph(6, units.PercentUnit, "Processor time", "performance.md", "Processor time of each process, 100% for one core.\n\nLook at the time of collections and at the number of scrapes.", query{"{{instance}}", `sum by (instance) (rate(process_cpu_seconds_total{}[$__rate_interval])` + ofOtelcoder + `)`}),
			graph(6, units.BytesIEC, "Memory", "performance.md", "Resident memory of each process, and Go's heap in it.\n\nGrowth with the number of series is usual; without it, report it with a heap profile.",
				query{"{{instance}}", `sum by (instance) (process_resident_memory_bytes{}` + ofOtelcoder + `)`},
				query{"heap of {{instance}}", `sum by (instance) (go_memstats_heap_inuse_bytes{}` + ofOtelcoder + `)`}),
			graph(6, units.Short, "Goroutines and files", "troubleshooting.md", "Goroutines, and files and connections that are open.\n\nGrowth without end is a leak: report it.",
				query{"goroutines of {{instance}}", `sum by (instance) (go_goroutines{}` + ofOtelcoder + `)`},
				query{"files of {{instance}}", `sum by (instance) (process_open_fds{}` + ofOtelcoder + `)`}),
			graph(6, units.PercentUnit, "Garbage collection", "performance.md", "The share of time in which garbage collection stopped the process.\n\nMore than 1%: give it more memory, or set GOGC.", query{"{{instance}}", `sum by (instance) (rate(go_gc_duration_seconds_sum{}[$__rate_interval])` + ofOtelcoder + `)`}),
		}},
	}}
}

// percentiles returns queries of the 50th, 95th and 99th percentile. expr has %v in place
// of the quantile.
func percentiles(legend, expr string) (queries []query) {
	for _, q := range []float64{0.5, 0.95, 0.99} {
		queries = append(queries, query{fmt.Sprintf("p%v ", q*100) + legend, fmt.Sprintf(expr, q)})
	}
	return queries
}
