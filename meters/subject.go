package meters

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// subject is one source and the families it feeds.
type subject struct {
	name     string // of the source, in labels and log lines
	families []instrument.Family
	interval time.Duration
	// collect asks the source and merges what it says into series: no two
	// samples have the same family and labels.
	collect func(context.Context) (snapshot, error)
}

// snapshot is what a collection found, by scope.
type snapshot [2][]sample

func (s snapshot) size() int { return len(s[instrument.Deployment]) + len(s[instrument.Replica]) }

// sample is the value of one series.
type sample struct {
	family instrument.Family
	labels instrument.Labels
	value  float64
}

// newSample makes a sample; the label values are in the catalogue's order.
func newSample(f instrument.Family, value float64, labels ...string) sample {
	return sample{f, f.Labels(labels...), value}
}
