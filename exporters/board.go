package exporters

import (
	"slices"
	"sync"

	"github.com/otelcoder/otelcoder/instrument/health"
)

// board collects the health reports of the parts of the process.
type board struct {
	mu      sync.Mutex
	reports []*func(*health.Report)
}

// ReportHealth implements [instrument.HealthBoard].
func (b *board) ReportHealth(report func(*health.Report)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	added := &report
	b.reports = append(b.reports, added)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reports = slices.DeleteFunc(b.reports, func(r *func(*health.Report)) bool { return r == added })
	}
}

// report calls all report functions. The report of a function that panics is
// discarded.
func (b *board) report() (r health.Report) {
	b.mu.Lock()
	reports := slices.Clone(b.reports)
	b.mu.Unlock()
	for _, report := range reports {
		next := r
		func() {
			defer func() {
				if recover() != nil {
					next = r
				}
			}()
			(*report)(&next)
		}()
		r = next
	}
	r.Refused = merged(r.Refused)
	return r
}

// merged adds up the refusals with the same origin and reason: several recorders can
// report them.
func merged(all []health.Refusal) []health.Refusal {
	var once []health.Refusal
	for _, r := range all {
		i := slices.IndexFunc(once, func(o health.Refusal) bool { return o.Origin == r.Origin && o.Reason == r.Reason })
		if i < 0 {
			once = append(once, r)
			continue
		}
		once[i].Count += r.Count
		if r.Last.After(once[i].Last) {
			once[i].Last = r.Last
		}
	}
	return once
}
