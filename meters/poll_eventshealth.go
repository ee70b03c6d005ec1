package meters

import (
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// EventsHealth is the health of the source "events", which finds events that
// recorders count, as coderdb.Follow does. It is reported by the health families of
// the sources that [Meters.Poll] asks, without otelcoder_source_series. There is no
// series before the first Report.
type EventsHealth struct {
	labels instrument.Labels
	recent durations                   // of the last requests; for the goroutine of Report
	now    atomic.Pointer[sourceState] // nil while the source is not asked
}

const eventsSource = "events"

type sourceState struct {
	up        bool
	succeeded time.Time // zero for never
	took, p95 time.Duration
	problem   *health.Problem // of the last answer, nil if it succeeded
}

func newEventsHealth(out *output) *EventsHealth {
	h := &EventsHealth{labels: instrument.HealthSourceUp.Labels(instrument.Source{Name: eventsSource})}
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

// Report reports a request for events: how long it took, and why it failed. It is for
// one goroutine.
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

// Withdraw withdraws the series until the next Report, while the source is not asked.
func (h *EventsHealth) Withdraw() { h.now.Store(nil) }
