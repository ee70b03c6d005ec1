package meters

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// SourceHealth tells how a source fares that [Poll] does not ask, by the same
// health families but otelcoder_source_series: it holds none. There is no series
// before the first answer or failure.
type SourceHealth struct {
	labels instrument.Labels
	now    atomic.Pointer[sourceState] // nil while the source is not asked
}

type sourceState struct {
	up        bool
	succeeded time.Time // zero for never
	took      time.Duration
}

// NewSourceHealth makes the health of the source with this name.
func NewSourceHealth(p instrument.Providers, name string) (*SourceHealth, error) {
	h := &SourceHealth{labels: instrument.HealthSourceUp.Labels(name)}
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
	return h, nil
}

// Asked tells of an answer, or of a failure, and how long it took. It is for
// one goroutine.
func (h *SourceHealth) Asked(took time.Duration, err error) {
	now := sourceState{up: err == nil, took: took}
	if now.up {
		now.succeeded = time.Now()
	} else if was := h.now.Load(); was != nil {
		now.succeeded = was.succeeded
	}
	h.now.Store(&now)
}

// Rest withdraws the series until the source is asked again.
func (h *SourceHealth) Rest() { h.now.Store(nil) }
