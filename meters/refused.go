package meters

import (
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"

	"github.com/otelcoder/otelcoder/instrument"
)

// refusals counts what one origin sent and was not taken, by reason, as
// otelcoder_refused_total. Every reason is exposed from the start, at 0.
type refusals[R ~string] struct {
	counts       map[R]*atomic.Int64 // its keys never change
	registration metric.Registration // for a recorder that ends before its provider
}

func newRefusals[R ~string](p instrument.Providers, origin string, reasons ...R) (refusals[R], error) {
	r := refusals[R]{counts: make(map[R]*atomic.Int64, len(reasons))}
	labels := make(map[R]instrument.Labels, len(reasons))
	for _, reason := range reasons {
		r.counts[reason] = new(atomic.Int64)
		labels[reason] = instrument.HealthRefused.Labels(origin, string(reason))
	}
	var err error
	r.registration, err = p.Observe(func(o instrument.Observer) {
		for reason, count := range r.counts {
			o.Observe(instrument.HealthRefused, labels[reason], float64(count.Load()))
		}
	}, instrument.HealthRefused)
	if err != nil {
		return r, fmt.Errorf("count refusals of %s: %w", origin, err)
	}
	return r, nil
}

func (r refusals[R]) add(reason R) { r.counts[reason].Add(1) }
