package instrument

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelcoder/otelcoder/instrument/health"
)

// ScopeName is the name of the instrumentation scope of every instrument.
const ScopeName = "github.com/otelcoder/otelcoder"

// Providers are the meter providers of the groups. A family's instrument is
// created on the provider of its [Group]; a group without a provider is not
// measured. Package exporters creates them.
type Providers struct {
	Deployment metric.MeterProvider
	Workspaces metric.MeterProvider
	Process    metric.MeterProvider

	// Edition is the edition of the providers' views. Families that it lacks are not
	// measured.
	Edition Edition
}

// Notifier is implemented by meter providers that are collected ahead of scrapes,
// such as those of package exporters.
type Notifier interface {
	// Changed reports that collections from the given time on return different
	// series or values. It must not block.
	Changed(from time.Time)
}

// HealthBoard is implemented by Process meter providers that show the health of
// the process, such as that of package exporters.
type HealthBoard interface {
	// ReportHealth registers report, which is called each time the health is shown,
	// concurrently, until stop is called. Report fills in its part and must not block.
	ReportHealth(report func(*health.Report)) (stop func())
}

// ReportHealth registers report with the Process provider if that is a [HealthBoard].
func (p Providers) ReportHealth(report func(*health.Report)) (stop func()) {
	if h, ok := p.of(Process).(HealthBoard); ok {
		return h.ReportHealth(report)
	}
	return func() {}
}

// Claimer is implemented by Process meter providers that one Meters at a time measures
// on, such as that of package exporters.
type Claimer interface {
	// Claim returns ok false if the provider is claimed already. Release ends the claim;
	// later calls do nothing.
	Claim() (release func(), ok bool)
}

// Claim claims the Process provider if that is a [Claimer].
func (p Providers) Claim() (release func(), ok bool) {
	if c, ok := p.of(Process).(Claimer); ok {
		return c.Claim()
	}
	return func() {}, true
}

func (p Providers) of(g Group) metric.MeterProvider {
	provider := [...]metric.MeterProvider{Deployment: p.Deployment, Workspaces: p.Workspaces, Process: p.Process}[g]
	if provider == nil {
		return noop.NewMeterProvider()
	}
	return provider
}

// notifier returns a function that notifies the group's provider of changes.
func (p Providers) notifier(g Group) notify {
	if n, ok := p.of(g).(Notifier); ok {
		return n.Changed
	}
	return nil
}

// notify is [Notifier.Changed]; nil if the provider is no [Notifier].
type notify func(from time.Time)

func (n notify) now() {
	if n != nil {
		n(time.Now())
	}
}

func (n notify) at(from time.Time) {
	if n != nil {
		n(from)
	}
}

func (p Providers) meter(f Family) metric.Meter {
	return p.of(catalogue[f].Group).Meter(ScopeName)
}

// Observe creates the observable instruments of the families and registers collect,
// which is called at each collection. The families must be counters or gauges of one
// group; those that the edition lacks are left out. Several callers may observe the same
// family if their label sets differ.
//
// The caller must report changes through the returned Observation.
func (p Providers) Observe(collect func(Observer), families ...Family) (*Observation, error) {
	if len(families) == 0 {
		return nil, fmt.Errorf("observe: no family given")
	}
	meter := p.meter(families[0])
	instruments := new([len(catalogue)]metric.Float64Observable)
	observables := make([]metric.Observable, 0, len(families))
	for _, f := range families {
		if f.Group() != families[0].Group() {
			return nil, fmt.Errorf("observe %s: %s is in another group", f, families[0])
		}
		if !p.Edition.Has(f) {
			continue
		}
		instrument, err := observable(meter, f)
		if err != nil {
			return nil, fmt.Errorf("observe %s: %w", f, err)
		}
		instruments[f] = instrument
		observables = append(observables, instrument)
	}
	changed := p.notifier(families[0].Group())
	// The callback never returns an error, because a periodic reader would then
	// export nothing.
	registration, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		collect(Observer{to, instruments, changed})
		return nil
	}, observables...)
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", families[0], err)
	}
	return &Observation{registration, changed}, nil
}

// Observation is a callback registered by [Providers.Observe].
type Observation struct {
	registration metric.Registration
	changed      notify
}

// Changed reports that the series or values that the callback observes have changed.
func (o *Observation) Changed() { o.changed.now() }

// Unregister removes the callback, and with it its series from later collections.
func (o *Observation) Unregister() error {
	defer o.Changed()
	return o.registration.Unregister()
}

func observable(meter metric.Meter, f Family) (metric.Float64Observable, error) {
	row := catalogue[f]
	switch {
	case row.Instrument == "":
		return nil, fmt.Errorf("defined by the runtime, not by an instrument")
	case row.Type == Counter:
		return meter.Float64ObservableCounter(row.Instrument, metric.WithDescription(row.Help), metric.WithUnit(row.Unit))
	case row.Type == Gauge:
		return meter.Float64ObservableGauge(row.Instrument, metric.WithDescription(row.Help), metric.WithUnit(row.Unit))
	}
	return nil, fmt.Errorf("a %s is recorded, not observed", row.Type)
}

// Observer receives the values of one collection.
type Observer struct {
	to          metric.Observer
	instruments *[len(catalogue)]metric.Float64Observable // by family; nil if it is not observed
	changed     notify
}

// Expires reports that the observed series or values change at t. The zero time
// means never.
func (o Observer) Expires(t time.Time) {
	if !t.IsZero() {
		o.changed.at(t)
	}
}

// Observe reports the value of the family's series with these labels. Each series
// must be reported once: for repeated labels a gauge keeps the last value and a
// counter adds the values. A family that the edition lacks is ignored.
func (o Observer) Observe(f Family, labels Labels, value float64) {
	if instrument := o.instruments[f]; instrument != nil {
		o.to.ObserveFloat64(instrument, value, labels.observe[:]...)
	}
}

// Histogram creates the instrument of a family of type [Histogram]. It records nothing
// if the edition lacks the family.
func (p Providers) Histogram(f Family) (HistogramInstrument, error) {
	row := catalogue[f]
	if row.Type != Histogram {
		return HistogramInstrument{}, fmt.Errorf("histogram %s: the family is a %s", f, row.Type)
	}
	if !p.Edition.Has(f) {
		return HistogramInstrument{noop.Float64Histogram{}, nil}, nil
	}
	h, err := p.meter(f).Float64Histogram(row.Instrument, metric.WithDescription(row.Help), metric.WithUnit(row.Unit),
		metric.WithExplicitBucketBoundaries(row.Buckets...))
	if err != nil {
		return HistogramInstrument{}, fmt.Errorf("histogram %s: %w", f, err)
	}
	return HistogramInstrument{h, p.notifier(f.Group())}, nil
}

// HistogramInstrument records observations of a histogram family.
type HistogramInstrument struct {
	histogram metric.Float64Histogram
	changed   notify
}

// Record adds one observation to the series with these labels, which must be made
// by [Edition.Labels] for this family: other labels are not filtered. If the span in
// ctx is sampled, the observation may become the exemplar of its bucket.
func (h HistogramInstrument) Record(ctx context.Context, value float64, labels Labels) {
	h.histogram.Record(ctx, value, labels.record[:]...)
	h.changed.now()
}

// Labels is the prepared label set of a series. Recording with it allocates nothing.
// Families with the same labels can share it.
type Labels struct{ *options }

type options struct {
	observe [1]metric.ObserveOption
	record  [1]metric.RecordOption
}

// String returns the label set as name=value pairs, sorted by name.
func (l Labels) String() string {
	set := metric.NewObserveConfig(l.observe[:]).Attributes()
	return set.Encoded(attribute.DefaultEncoder())
}

// Labels prepares the label set of one of the family's series: the family's labels in
// the edition, with the values of m. It panics unless m has the type of [Info].Measured:
// another struct can have labels of the same names for other things. A family of the Go
// runtime has no such type, so that any m panics.
func (e Edition) Labels(f Family, m Measured) Labels {
	f.check(m)
	return newLabels(vocabularies[e].infos[f].Labels, m)
}

// maxLabels is the largest number of labels of a family.
const maxLabels = 6

func newLabels(names []string, m Measured) Labels {
	attributes := make([]attribute.KeyValue, 0, maxLabels)
	for _, name := range names {
		attributes = append(attributes, attribute.String(name, m.label(name)))
	}
	option := metric.WithAttributeSet(attribute.NewSet(attributes...))
	return Labels{&options{
		observe: [1]metric.ObserveOption{option},
		record:  [1]metric.RecordOption{option},
	}}
}

// check panics unless m has the type of the family's struct.
func (f Family) check(m Measured) {
	switch want := catalogue[f].Measured; {
	case want == nil:
		panic(fmt.Sprintf("instrument: %s is a family of the Go runtime, without a struct for its labels", f))
	case reflect.TypeOf(m) != reflect.TypeOf(want):
		panic(fmt.Sprintf("instrument: the labels of %s come from %T, not from %T", f, want, m))
	}
}
