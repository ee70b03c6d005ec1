package meters

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// SourceHealth tells how a source fares that [Poll] does not ask, by the same
// health families but otelcoder_source_series: it holds none. There is no series
// before the first answer or failure.
type SourceHealth struct {
	name   string
	labels instrument.Labels
	recent durations                   // of the last answers and failures; for the goroutine of Asked
	now    atomic.Pointer[sourceState] // nil while the source is not asked
}

type sourceState struct {
	up        bool
	succeeded time.Time // zero for never
	took, p95 time.Duration
	problem   *health.Problem // of the last answer, nil if it succeeded
}

// NewSourceHealth makes the health of the source with this name.
func NewSourceHealth(p instrument.Providers, name string) (*SourceHealth, error) {
	h := &SourceHealth{name: name, labels: instrument.HealthSourceUp.Labels(instrument.Source{Name: name})}
	_, err := p.Observe(func(o instrument.Observer) {
		if now := h.now.Load(); now != nil {
			o.Observe(instrument.HealthSourceUp, h.labels, oneIf(now.up))
			o.Observe(instrument.HealthSourceLastSuccess, h.labels, unixSeconds(now.succeeded))
			o.Observe(instrument.HealthSourceDuration, h.labels, now.took.Seconds())
		}
	}, instrument.HealthSourceUp, instrument.HealthSourceLastSuccess, instrument.HealthSourceDuration)
	if err != nil {
		return nil, fmt.Errorf("observe the health of source %s: %w", name, err)
	}
	p.ReportHealth(h.report)
	return h, nil
}

func (h *SourceHealth) report(r *health.Report) {
	now := h.now.Load()
	if now == nil {
		return
	}
	r.Sources = append(r.Sources, health.Source{
		Name: h.name, Up: now.up, LastSuccess: now.succeeded, Problem: now.problem,
		DurationSeconds: health.Number(now.took.Seconds()), P95Seconds: health.Number(now.p95.Seconds()),
	})
}

// Asked tells of an answer, or of a failure, and how long it took. It is for
// one goroutine.
func (h *SourceHealth) Asked(took time.Duration, err error) {
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

// Rest withdraws the series until the source is asked again.
func (h *SourceHealth) Rest() { h.now.Store(nil) }
