package exporters

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// refusalOrigin is the label origin of otelcoder_refused_total for a host's
// instruments.
const refusalOrigin = "host"

// refusalReason is the label reason of otelcoder_refused_total.
type refusalReason int

const (
	refusedInstrument refusalReason = iota // WithoutForeignInstruments, or the catalogue's scope
	refusedName                            // another family has the instrument's name
	overflowed                             // the SDK folded series into one
)

var refusalReasons = [...]string{refusedInstrument: "instrument", refusedName: "name", overflowed: "overflow"}

// overflowPause is the least time between two log lines about one stream.
const overflowPause = time.Hour

// refusals counts and logs refused instruments and overflowing streams.
type refusals struct {
	logger *slog.Logger
	counts [len(refusalReasons)]struct{ n, last atomic.Int64 } // last: Unix nanoseconds

	mu     sync.Mutex
	logged map[any]time.Time // by instrument or stream
}

func newRefusals(logger *slog.Logger) *refusals {
	return &refusals{logger: logger, logged: make(map[any]time.Time)}
}

// refuse counts and logs a refused instrument, once.
func (r *refusals) refuse(i identity, reason refusalReason, because string) {
	if !r.first(i, 0) {
		return
	}
	r.count(reason)
	r.logger.Warn("an instrument is not served, and counted in otelcoder_refused_total",
		"instrument", i.name, "scope", i.scope.Name, "reason", refusalReasons[reason], "because", because)
}

// overflow counts a collection in which the SDK folded series of a stream into one.
func (r *refusals) overflow(stream string) {
	r.count(overflowed)
	if r.first(stream, overflowPause) {
		r.logger.Warn("the SDK folded series into one with the attribute otel.metric.overflow: the stream has more than the cardinality limit",
			"stream", stream, "reason", refusalReasons[overflowed])
	}
}

// first reports whether this is the first call with the key, or the first since the
// pause if it is not 0.
func (r *refusals) first(key any, pause time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	last, known := r.logged[key]
	if known && (pause == 0 || now.Sub(last) < pause) {
		return false
	}
	r.logged[key] = now
	return true
}

func (r *refusals) count(reason refusalReason) {
	r.counts[reason].n.Add(1)
	r.counts[reason].last.Store(time.Now().UnixNano())
}

// observe observes the counts. Labels has an entry for each reason.
func (r *refusals) observe(o instrument.Observer, labels []instrument.Labels) {
	for reason := range r.counts {
		o.Observe(instrument.HealthRefused, labels[reason], float64(r.counts[reason].n.Load()))
	}
}

// report adds the counts to a report.
func (r *refusals) report(to *health.Report) {
	for reason := range r.counts {
		count := &r.counts[reason]
		refusal := health.Refusal{Origin: refusalOrigin, Reason: refusalReasons[reason], Count: uint64(count.n.Load())} // #nosec G115 -- it is never negative
		if last := count.last.Load(); last != 0 {
			refusal.Last = time.Unix(0, last)
		}
		to.Refused = append(to.Refused, refusal)
	}
}
