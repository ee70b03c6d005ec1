package instrument

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
)

// exemplars keeps what the SDK does by itself, one exemplar a bucket, in the memory that
// it takes. The SDK's reservoirs take 2 KB a series, traced or not, and when they are
// collected make room for one of each bucket, and the SDK as much again for each series
// that it collects next, in any meter provider of the process: 1.3 KB for each gauge of
// a deployment, none of which has any.
func exemplars(boundaries []float64) sdk.ExemplarReservoirProviderSelector {
	room := &sync.Pool{New: func() any { return new([]exemplar.Exemplar) }}
	return func(sdk.Aggregation) exemplar.ReservoirProvider {
		return func(attribute.Set) exemplar.Reservoir {
			return &reservoir{boundaries: boundaries, room: room}
		}
	}
}

// reservoir is of one series. The SDK calls it from one goroutine at a time.
type reservoir struct {
	boundaries []float64
	room       *sync.Pool
	kept       *exemplar.HistogramReservoir // nil until the first offer
}

func (r *reservoir) Offer(ctx context.Context, at time.Time, value exemplar.Value, dropped []attribute.KeyValue) {
	if r.kept == nil {
		r.kept = exemplar.NewHistogramReservoir(r.boundaries)
	}
	r.kept.Offer(ctx, at, value, dropped)
}

func (r *reservoir) Collect(to *[]exemplar.Exemplar) {
	*to = nil
	if r.kept == nil {
		return
	}
	all := r.room.Get().(*[]exemplar.Exemplar)
	r.kept.Collect(all)
	*to = slices.Clone(*all)
	clear(*all)
	r.room.Put(all)
}
