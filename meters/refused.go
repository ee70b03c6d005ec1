package meters

import (
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// refusalPause is the minimum time between two log lines of one reason, so that invalid
// input does not flood the log.
const refusalPause = time.Hour

// refusals counts the refused input of one origin by reason, as otelcoder_refused_total,
// and logs it. All reasons are exposed from the start, at 0.
type refusals[R ~string] struct {
	output *output
	origin string
	logger *slog.Logger
	counts map[R]*refusalCount // the keys never change
}

type refusalCount struct {
	n      atomic.Int64
	last   atomic.Int64 // time of the last refusal in Unix nanoseconds; 0 if none
	logged atomic.Int64 // time of the last log line in Unix nanoseconds; 0 if none
}

func newRefusals[R ~string](out *output, c config, origin string, reasons ...R) refusals[R] {
	r := refusals[R]{output: out, origin: origin, logger: c.logger, counts: make(map[R]*refusalCount, len(reasons))}
	labels := make(map[R]instrument.Labels, len(reasons))
	for _, reason := range reasons {
		r.counts[reason] = new(refusalCount)
		labels[reason] = c.edition.Labels(instrument.HealthRefused, instrument.Refusal{Origin: origin, Reason: string(reason)})
	}
	out.observe(instrument.Process, func(o instrument.Observer) {
		for reason, count := range r.counts {
			o.Observe(instrument.HealthRefused, labels[reason], float64(count.n.Load()))
		}
	})
	out.report(r.report)
	return r
}

// report adds the counts to a report.
func (r refusals[R]) report(to *health.Report) {
	for _, reason := range slices.Sorted(maps.Keys(r.counts)) {
		count := r.counts[reason]
		refusal := health.Refusal{Origin: r.origin, Reason: string(reason), Count: uint64(count.n.Load())} // #nosec G115 -- it is never negative
		if last := count.last.Load(); last != 0 {
			refusal.Last = time.Unix(0, last)
		}
		to.Refused = append(to.Refused, refusal)
	}
}

func (r refusals[R]) add(reason R) { r.addMany(reason, 1) }

func (r refusals[R]) addMany(reason R, n int) {
	if n == 0 || r.output.closed.Load() {
		return
	}
	count := r.counts[reason]
	total := count.n.Add(int64(n))
	now, logged := time.Now().UnixNano(), count.logged.Load()
	count.last.Store(now)
	if logged != 0 && now-logged < int64(refusalPause) || !count.logged.CompareAndSwap(logged, now) {
		return
	}
	r.logger.Warn("left out of the metrics, and counted in otelcoder_refused_total", "origin", r.origin, "reason", reason, "total", total)
}

// adder returns a function that counts one refusal.
func (r refusals[R]) adder(reason R) func() { return func() { r.add(reason) } }
