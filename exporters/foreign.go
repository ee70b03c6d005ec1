package exporters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/otlptranslator"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
)

// foreign serves the foreign instruments of a group: instruments that a host creates
// on the group's provider in its own scope. They have a separate SDK provider with the
// SDK's cardinality limit, because a provider has one limit for all instruments. They
// are rendered for each scrape, because their changes are not announced.
type foreign struct {
	*group
	used  atomic.Bool // an instrument was created
	calls *shared[streams]
}

// streams holds the streams of the foreign instruments of a group.
type streams struct {
	scopes []metricdata.ScopeMetrics
	whole  bool // without errors
}

func (e *Exporter) newForeign(of instrument.Group) (*foreign, error) {
	// The exporter's default: the counter host.requests becomes host_requests_total,
	// with labels for its scope.
	converter, err := newConverter(otelprometheus.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes))
	if err != nil {
		return nil, fmt.Errorf("create the Prometheus exporter of the foreign instruments of the %s group: %w", of, err)
	}
	f := &foreign{group: &group{exporter: e, of: of, reader: sdk.NewManualReader(), converter: converter}}
	f.calls = &shared[streams]{
		name: fmt.Sprintf("a callback of the host's instruments of the %s group", of),
		ctx:  e.calls, f: f.collectStreams, report: f.failed,
	}
	f.provider = sdk.NewMeterProvider(sdk.WithReader(f.reader), sdk.WithView(func(i sdk.Instrument) (sdk.Stream, bool) {
		if refused := e.names.admit(of, i); refused != nil {
			e.refusals.refuse(identityOf(i), refused.reason, refused.because)
			return dropped(i), true
		}
		f.used.Store(true)
		return sdk.Stream{}, false // no change
	}))
	return f, nil
}

// catalogueView returns the view of the catalogue's instruments of a group. It refuses
// other instruments in the catalogue's scope.
func (e *Exporter) catalogueView(of instrument.Group) sdk.View {
	view := e.edition.View(of)
	return func(i sdk.Instrument) (sdk.Stream, bool) {
		if stream, ok := view(i); ok {
			return stream, true
		}
		e.refusals.refuse(identityOf(i), refusedInstrument,
			fmt.Sprintf("the %s group of the catalogue does not hold it: create it in a scope of your own", of))
		return dropped(i), true
	}
}

func dropped(i sdk.Instrument) sdk.Stream {
	return sdk.Stream{Name: i.Name, Aggregation: sdk.AggregationDrop{}}
}

// rendering renders the foreign instruments for a scrape. It fails only if ctx ends.
func (f *foreign) rendering(ctx context.Context, q query) (render.Rendering, error) {
	b := render.NewBuilder(render.Of(q.encoding), render.Rendering{})
	f.encodeAll(f.gather(ctx, q), q.format, b)
	return b.End(), ctx.Err()
}

// gather returns the families selected by the query, sorted by name.
func (f *foreign) gather(ctx context.Context, q query) []*dto.MetricFamily {
	read := f.read(ctx)
	if q.names == nil && read.whole {
		defer f.complete()()
	}
	var converted []*dto.MetricFamily
	f.try(func() (err error) {
		converted, err = f.converter.convert(read.scopes)
		return err
	})
	var v vetted
	for _, family := range converted {
		if !q.selects(family.GetName()) {
			continue
		}
		if kept := v.vetSeries(family); len(kept.Metric) > 0 {
			v.families = append(v.families, kept)
		}
	}
	if err := v.omitted.error(); err != nil {
		f.failed(fmt.Errorf("foreign instruments: %w", err))
	}
	return v.families
}

// mayMatch reports whether the query can match foreign instruments.
func (f *foreign) mayMatch(q query) bool {
	return f.used.Load() && f.exporter.names.reserved.mayMatch(q)
}

// Produce implements [sdk.Producer]. It returns the streams under their OpenTelemetry
// names, and no error.
func (f *foreign) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	return cloned(f.read(ctx).scopes), nil // a reader overwrites them at its next collection
}

// read returns the streams, which are immutable. It returns none if ctx ends or after
// callLimit.
func (f *foreign) read(ctx context.Context) streams {
	if !f.used.Load() {
		return streams{}
	}
	read, _ := f.calls.get(ctx)
	return read
}

// collectStreams collects the streams. It leaves out duplicates within a scope, since the
// SDK accepts an int64 and a float64 instrument of one name, and series with invalid
// UTF-8, which would fail the whole push.
func (f *foreign) collectStreams(ctx context.Context) streams {
	before := f.failures.Load()
	scopes := f.group.read(ctx)
	for i := range scopes {
		known := make(map[stream]bool)
		scopes[i].Metrics = slices.DeleteFunc(scopes[i].Metrics, func(m metricdata.Metrics) bool {
			s := streamOf(m)
			twice := known[s]
			known[s] = true
			if twice {
				f.exporter.refusals.refuse(identity{scope: scopes[i].Scope, name: m.Name}, refusedName,
					"an instrument of the same name and scope has values of another number type")
			}
			return twice
		})
		for j := range scopes[i].Metrics {
			m := &scopes[i].Metrics[j]
			f.try(func() (err error) {
				m.Data, err = withValidText(m.Data)
				if err != nil {
					return fmt.Errorf("foreign instrument %s: %w", m.Name, err)
				}
				return nil
			})
		}
	}
	return streams{scopes, f.failures.Load() == before}
}

// stream identifies a stream within its scope, apart from the type of its numbers.
// Streams that differ have different Prometheus names: see names.admit.
type stream struct{ name, unit, kind string }

func streamOf(m metricdata.Metrics) stream {
	s := stream{m.Name, m.Unit, "gauge"}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		s.kind = sumKind(data.IsMonotonic)
	case metricdata.Sum[float64]:
		s.kind = sumKind(data.IsMonotonic)
	case metricdata.Histogram[int64], metricdata.Histogram[float64]:
		s.kind = "histogram"
	}
	return s
}

func sumKind(monotonic bool) string {
	if monotonic {
		return "counter"
	}
	return "gauge" // as in Prometheus
}

// identity holds the fields of an instrument that a view receives.
type identity struct {
	scope                   instrumentation.Scope
	kind                    sdk.InstrumentKind
	name, unit, description string
}

func identityOf(i sdk.Instrument) identity {
	return identity{i.Scope, i.Kind, i.Name, i.Unit, i.Description}
}

// names assigns Prometheus names to foreign instruments. Family names are unique
// within a scrape, and differ from the series names of other families, such as the _sum
// of a histogram.
type names struct {
	namer    otlptranslator.MetricNamer
	reserved reserved
	refuse   bool // refuse all foreign instruments

	mu          sync.Mutex
	owners      map[string]owner // by name of the family or its series, in any format
	instruments map[scoped]identity
}

// owner is the foreign family that uses a name. Several scopes of a group can share it.
type owner struct {
	family string
	typ    dto.MetricType
	group  instrument.Group
}

// scoped identifies a family within a scope.
type scoped struct {
	family string
	scope  instrumentation.Scope
}

func newNames(r reserved, refuse bool) *names {
	return &names{
		namer:    otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes),
		reserved: r, refuse: refuse,
		owners: make(map[string]owner), instruments: make(map[scoped]identity),
	}
}

// has reports whether a foreign family uses the name in any format.
func (n *names) has(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, taken := n.owners[name]
	return taken
}

// refusal is the reason for refusing an instrument.
type refusal struct {
	reason  refusalReason
	because string
}

// admit reserves the Prometheus name of the instrument, or returns a refusal.
func (n *names) admit(of instrument.Group, i sdk.Instrument) *refusal {
	if n.refuse {
		return &refusal{refusedInstrument, "the option WithoutForeignInstruments is set"}
	}
	family, typ, err := n.translate(i)
	if err != nil {
		return &refusal{refusedName, err.Error()}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	o := owner{family, typ, of}
	for _, name := range allNames(o.family, o.typ) {
		if f, taken := n.reserved[name]; taken {
			return &refusal{refusedName, fmt.Sprintf("its Prometheus name %s is that of %s in the catalogue", name, f)}
		}
		if other, taken := n.owners[name]; taken && other != o {
			return &refusal{refusedName, fmt.Sprintf("its Prometheus name %s is that of the %s %s of the %s group",
				name, strings.ToLower(other.typ.String()), other.family, other.group)}
		}
	}
	key := scoped{family, i.Scope}
	if first, ok := n.instruments[key]; ok && first != identityOf(i) {
		return &refusal{refusedName, fmt.Sprintf("its Prometheus name %s is that of the instrument %s of the same scope, which has another name, unit, kind or description", family, first.name)}
	}
	n.instruments[key] = identityOf(i)
	for _, name := range allNames(o.family, o.typ) {
		n.owners[name] = o
	}
	return nil
}

// translate returns the name and type that the OpenTelemetry Prometheus exporter
// gives the instrument.
func (n *names) translate(i sdk.Instrument) (string, dto.MetricType, error) {
	for _, text := range []string{i.Name, i.Unit, i.Description, i.Scope.Name, i.Scope.Version, i.Scope.SchemaURL} {
		if !utf8.ValidString(text) {
			return "", 0, errors.New("its name, unit, description or scope is not valid UTF-8")
		}
	}
	m := otlptranslator.Metric{Name: i.Name, Unit: i.Unit}
	typ := dto.MetricType_GAUGE
	switch i.Kind {
	case sdk.InstrumentKindCounter, sdk.InstrumentKindObservableCounter:
		m.Type, typ = otlptranslator.MetricTypeMonotonicCounter, dto.MetricType_COUNTER
	case sdk.InstrumentKindUpDownCounter, sdk.InstrumentKindObservableUpDownCounter:
		m.Type = otlptranslator.MetricTypeNonMonotonicCounter
	case sdk.InstrumentKindHistogram:
		m.Type, typ = otlptranslator.MetricTypeHistogram, dto.MetricType_HISTOGRAM
	default:
		m.Type = otlptranslator.MetricTypeGauge
	}
	name, err := n.namer.Build(m)
	return name, typ, err
}
