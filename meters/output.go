package meters

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// output has the instruments of all families, and a callback for each group that calls
// the collect functions of the recorders and sources in use.
type output struct {
	closed       atomic.Bool               // set by close; recorders then do nothing
	observations []*instrument.Observation // by group
	histograms   map[instrument.Family]instrument.HistogramInstrument
	stopHealth   func() // unregisters reportHealth
	release      func() // ends the claim of the providers

	// Set when the process itself records the events of the family. The recorder or
	// source that observes them from outside then stops reporting it.
	jobsCounted      atomic.Bool // coderd_provisionerd_jobs_current
	scriptsForwarded atomic.Bool // agent_scripts_executed_total

	mu       sync.Mutex
	collects map[instrument.Group][]func(instrument.Observer)
	reports  []func(*health.Report)
}

// newOutput claims the providers and creates the instruments. Instruments without
// observations are not exported.
func newOutput(p instrument.Providers) (_ *output, err error) {
	release, ok := p.Claim()
	if !ok {
		return nil, errors.New("the Process provider already has a Meters: a second one can be created after Shutdown of the first")
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	out := &output{
		release:    release,
		histograms: make(map[instrument.Family]instrument.HistogramInstrument),
		collects:   make(map[instrument.Group][]func(instrument.Observer)),
	}
	observed := make(map[instrument.Group][]instrument.Family)
	for f := range instrument.Families() { // those that p.Edition lacks are not measured
		switch f.Type() {
		case instrument.Histogram:
			h, err := p.Histogram(f)
			if err != nil {
				return nil, err
			}
			out.histograms[f] = h
		case instrument.Counter, instrument.Gauge:
			if f.Origin() != instrument.Runtime {
				observed[f.Group()] = append(observed[f.Group()], f)
			}
		}
	}
	for group := range instrument.Groups() {
		o, err := p.Observe(func(to instrument.Observer) { out.collect(group, to) }, observed[group]...)
		if err != nil {
			return nil, errors.Join(err, out.unregister())
		}
		out.observations = append(out.observations, o)
	}
	out.stopHealth = p.ReportHealth(out.reportHealth)
	return out, nil
}

// observe registers collect, which is called at each collection of the group. If it has
// series from the start, the caller must call changed.
func (out *output) observe(group instrument.Group, collect func(instrument.Observer)) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.collects[group] = append(out.collects[group], collect)
}

func (out *output) collect(group instrument.Group, to instrument.Observer) {
	out.mu.Lock()
	collects := out.collects[group]
	out.mu.Unlock()
	for _, collect := range collects {
		collect(to)
	}
}

// changed reports that the series or values of a collect function of the group have
// changed.
func (out *output) changed(group instrument.Group) {
	if !out.closed.Load() {
		out.observations[group].Changed()
	}
}

// report registers report, which is called each time the health of the process is shown.
func (out *output) report(report func(*health.Report)) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.reports = append(out.reports, report)
}

func (out *output) reportHealth(to *health.Report) {
	out.mu.Lock()
	reports := out.reports
	out.mu.Unlock()
	for _, report := range reports {
		report(to)
	}
}

// close withdraws all series and health reports. Later changes and records are ignored.
func (out *output) close() error {
	if out.closed.Swap(true) {
		return nil
	}
	defer out.release()
	out.stopHealth()
	return out.unregister()
}

func (out *output) unregister() error {
	var err error
	for _, o := range out.observations {
		err = errors.Join(err, o.Unregister())
	}
	return err
}

// histogram returns the instrument of a family.
func (out *output) histogram(f instrument.Family) histogram {
	return histogram{out.histograms[f], &out.closed}
}

// histogram records until the output is closed.
type histogram struct {
	instrument instrument.HistogramInstrument
	closed     *atomic.Bool
}

func (h histogram) record(ctx context.Context, seconds float64, labels instrument.Labels) {
	if !h.closed.Load() {
		h.instrument.Record(ctx, seconds, labels)
	}
}
