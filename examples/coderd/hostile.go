package main

import (
	"fmt"
	"math"

	"github.com/otelcoder/otelcoder/meters"
)

// makeHostile changes the n-th report of an agent so that it would break a control plane
// that trusts it. Reports cycle through the attacks.
func (r *agentReport) makeHostile(n int) {
	const scripts, counter = "agent_scripts_executed_total", meters.ForwardedCounter
	forge := func(m agentMetric) { r.Metrics = append(r.Metrics, m) }
	switch n % 10 {
	case 0: // a documented name with another type
		forge(forwarded(scripts, meters.ForwardedGauge, 1, "success", "true"))
	case 1: // ... without its label
		forge(forwarded(scripts, counter, 1))
	case 2: // ... with a label that the control plane adds
		forge(forwarded(scripts, counter, 1, "success", "true", "username", "ada"))
	case 3: // ... twice
		forge(forwarded(scripts, counter, 1, "success", "true"))
		forge(forwarded(scripts, counter, 2, "success", "true"))
	case 4: // ... and no number
		forge(forwarded(scripts, counter, math.NaN(), "success", "true"))
	case 5: // ... and text that is not UTF-8
		forge(forwarded(scripts, counter, 1, "success", "\xff"))
	case 6: // ... as too many series
		for i := range 10_000 {
			forge(forwarded(scripts, counter, 1, "success", fmt.Sprint(i)))
		}
	case 7: // the name of one of the control plane's own metrics
		forge(forwarded("coderd_api_requests_processed_total", counter, 1e9, "path", "/"))
	case 8: // impossible statistics
		r.Stats = meters.AgentStats{RxBytes: math.MinInt64, TxBytes: math.MaxInt64, Connections: -1, MedianLatency: -math.MaxFloat64}
	case 9: // an unknown state and unknown regions
		r.Lifecycle, r.Latencies = "haunted", map[int]float64{-1: 1, 2: -1}
	}
}
