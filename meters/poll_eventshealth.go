package meters

import (
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// EventsHealth is the health of the source "events", which passes events to recorders, as
// coderdb.Follow does. It has the same health families as the sources of [Meters.Poll],
// except otelcoder_source_interval_seconds and otelcoder_source_series, and no series
// before the first Report.
type EventsHealth struct {
	labels instrument.Labels
	recent durations                   // of the last queries; only Report uses it
	now    atomic.Pointer[sourceState] // nil before the first Report and after Withdraw
}

const eventsSource = "events"

type sourceState struct {
	up        bool
	succeeded time.Time // zero if never
	took, p95 time.Duration
	problem   *health.Problem // of the last query; nil if it succeeded
}

func newEventsHealth(c config, out *output) *EventsHealth {
	h := &EventsHealth{labels: c.edition.Labels(instrument.HealthSourceUp, instrument.Source{Name: eventsSource})}
	out.observe(instrument.Process, func(o instrument.Observer) {
		if now := h.now.Load(); now != nil {
			o.Observe(instrument.HealthSourceUp, h.labels, oneIf(now.up))
			o.Observe(instrument.HealthSourceLastSuccess, h.labels, unixSeconds(now.succeeded))
			o.Observe(instrument.HealthSourceDuration, h.labels, now.took.Seconds())
		}
	})
	out.report(h.report)
	return h
}

func (h *EventsHealth) report(r *health.Report) {
	now := h.now.Load()
	if now == nil {
		return
	}
	r.Sources = append(r.Sources, health.Source{
		Name: eventsSource, Up: now.up, LastSuccess: now.succeeded, Problem: now.problem,
		DurationSeconds: health.Number(now.took.Seconds()), P95Seconds: health.Number(now.p95.Seconds()),
	})
}

// Report reports the duration of a query for events, and the error if it failed. It must
// not be called concurrently.
func (h *EventsHealth) Report(took time.Duration, err error) {
	now := sourceState{up: err == nil, took: took, p95: h.recent.add(took)}
	if now.up {
		now.succeeded = time.Now()
	} else {
		since := time.Now()
		if was := h.now.Load(); was != nil {
			now.succeeded = was.succeeded
			if was.problem != nil {
				since = was.problem.Since
			}
		}
		now.problem = health.NewProblem(err, since)
	}
	h.now.Store(&now)
}

// Withdraw withdraws the series until the next Report, for a source that is not queried.
func (h *EventsHealth) Withdraw() { h.now.Store(nil) }
