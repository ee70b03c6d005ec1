// Package meterstest is for tests of programs that measure with package meters. A
// [Reader] takes the place of the exporter: it reads the families of package instrument
// at once, under the names and labels that the endpoint serves.
//
//	reader := meterstest.NewReader(t)
//	m, err := meters.New(reader.Providers())
//	...
//	m.Builds().Start(build).End(meters.Succeeded)
//	reader.Expect(t, `
//		coderd_workspace_builds_total{action="START",…,status="success",…} 1
//		coderd_workspace_builds_total{action="START",…,status="failed",…} 0
//	`, instrument.WorkspaceBuilds)
package meterstest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/instrument"
)

// Reader reads the catalogue's families that are measured on its providers, except those
// of the Go runtime. It does not read other instruments on the providers, which the
// endpoint renames or refuses: for a test of these, create an exporter and gather from
// it with [github.com/otelcoder/otelcoder/exporters.Exporter.Gather]. The Reader does
// not recover a panic of a callback, so that it fails the test.
//
// The methods may be called concurrently.
type Reader struct {
	registry  *prometheus.Registry
	providers instrument.Providers
	changed   chan struct{}

	mu      sync.Mutex
	expires time.Time
	expiry  *time.Timer // nil: nothing expires
}

// NewReader makes a Reader of the edition [instrument.Documented] that is shut down when
// the test ends. It can be made and used in a bubble of testing/synctest.
func NewReader(t testing.TB) *Reader {
	t.Helper()
	return NewReaderOf(t, instrument.Documented)
}

// NewReaderOf is [NewReader] for an edition.
func NewReaderOf(t testing.TB, e instrument.Edition) *Reader {
	t.Helper()
	r := &Reader{registry: prometheus.NewRegistry(), changed: make(chan struct{}, 1)}
	r.providers.Edition = e
	r.providers.Deployment = r.provider(t, instrument.Deployment)
	r.providers.Workspaces = r.provider(t, instrument.Workspaces)
	r.providers.Process = processProvider{r.provider(t, instrument.Process), new(atomic.Bool)}
	return r
}

// provider announces changes to the Reader, like the provider of an exporter.
type provider struct {
	*sdk.MeterProvider
	reader *Reader
}

func (r *Reader) provider(t testing.TB, group instrument.Group) provider {
	t.Helper()
	reader, err := otelprom.New(
		otelprom.WithRegisterer(r.registry),
		otelprom.WithTranslationStrategy(otlptranslator.NoTranslation),
		otelprom.WithoutScopeInfo(),
		otelprom.WithoutTargetInfo(),
	)
	if err != nil {
		t.Fatal(err)
	}
	p := sdk.NewMeterProvider(
		sdk.WithReader(reader),
		sdk.WithView(catalogueOnly(r.providers.Edition, group)),
		sdk.WithCardinalityLimit(0),
	)
	t.Cleanup(func() {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stopExpiry()
	})
	return provider{p, r}
}

// processProvider refuses a second Meters, like the provider of an exporter.
type processProvider struct {
	provider
	claimed *atomic.Bool
}

// Claim implements [instrument.Claimer].
func (p processProvider) Claim() (release func(), ok bool) {
	if p.claimed.Swap(true) {
		return nil, false
	}
	return sync.OnceFunc(func() { p.claimed.Store(false) }), true
}

// catalogueOnly returns the view of the group's instruments. It drops all others.
func catalogueOnly(e instrument.Edition, group instrument.Group) sdk.View {
	view := e.View(group)
	return func(i sdk.Instrument) (sdk.Stream, bool) {
		if stream, ok := view(i); ok {
			return stream, true
		}
		return sdk.Stream{Name: i.Name, Aggregation: sdk.AggregationDrop{}}, true
	}
}

// Changed implements [instrument.Notifier]. A change in the future is announced when
// the time comes, unless the Reader reads before.
func (p provider) Changed(from time.Time) {
	r := p.reader
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := time.Until(from)
	if wait <= 0 {
		r.announce()
		return
	}
	if r.expiry == nil || from.Before(r.expires) {
		r.stopExpiry()
		r.expires, r.expiry = from, time.AfterFunc(wait, r.announce)
	}
}

func (r *Reader) announce() {
	select {
	case r.changed <- struct{}{}:
	default: // an earlier announcement has not been received yet
	}
}

func (r *Reader) stopExpiry() {
	if r.expiry != nil {
		r.expiry.Stop()
		r.expiry = nil
	}
}

// Providers returns the providers to measure on.
func (r *Reader) Providers() instrument.Providers { return r.providers }

// Changed returns a channel that receives when series or values have changed, such as
// after a source was polled: a test that waits for it needs no sleep. Several changes
// before a receive are announced once.
func (r *Reader) Changed() <-chan struct{} { return r.changed }

// gather returns the families by name, or all of them. It fails the test if a scrape
// would break or lack a series.
func (r *Reader) gather(t testing.TB, families []instrument.Family) []*dto.MetricFamily {
	t.Helper()
	r.mu.Lock()
	r.stopExpiry()
	r.mu.Unlock()
	gathered, err := r.registry.Gather()
	if err != nil {
		t.Fatalf("a scrape would fail: %v", err)
	}
	if len(families) == 0 {
		return gathered
	}
	return slices.DeleteFunc(gathered, func(g *dto.MetricFamily) bool {
		return !slices.ContainsFunc(families, func(f instrument.Family) bool { return r.providers.Edition.Name(f) == g.GetName() })
	})
}

// Value returns the value of one series and whether the series exists. The value of a
// histogram is its number of observations. The test fails if m does not have the type of
// the family's [instrument.Info].Measured, or the family belongs to the Go runtime.
//
//	reader.Value(t, instrument.ProvisionerdJobsCurrent, instrument.ProvisionerJob{Provisioner: "terraform"})
func (r *Reader) Value(t testing.TB, f instrument.Family, m instrument.Measured) (float64, bool) {
	t.Helper()
	switch want := r.providers.Edition.Info(f).Measured; {
	case want == nil:
		t.Fatalf("%s is a family of the Go runtime, which a Reader does not read", f)
	case reflect.TypeOf(m) != reflect.TypeOf(want):
		t.Fatalf("the labels of %s come from %T, not from %T", f, want, m)
	}
	labels := r.providers.Edition.Labels(f, m).String()
	for _, family := range r.gather(t, []instrument.Family{f}) {
		for _, series := range family.GetMetric() {
			if encode(series.GetLabel()) != labels {
				continue
			}
			switch f.Type() {
			case instrument.Histogram:
				return float64(series.GetHistogram().GetSampleCount()), true
			case instrument.Counter:
				return series.GetCounter().GetValue(), true
			default:
				return series.GetGauge().GetValue(), true
			}
		}
	}
	return 0, false
}

// encode returns labels in the format of [instrument.Labels.String].
func encode(labels []*dto.LabelPair) string {
	attributes := make([]attribute.KeyValue, len(labels))
	for i, l := range labels {
		attributes[i] = attribute.String(l.GetName(), l.GetValue())
	}
	set := attribute.NewSet(attributes...)
	return set.Encoded(attribute.DefaultEncoder())
}

// Samples returns the samples of families, by default of all families. The keys are series
// in the text exposition format, with labels sorted by name. A histogram has one sample for
// each bucket, its sum and its count.
//
//	map[string]float64{
//		`coderd_provisionerd_jobs_current{provisioner="echo"}`:      0,
//		`coderd_provisionerd_jobs_current{provisioner="terraform"}`: 2,
//	}
func (r *Reader) Samples(t testing.TB, families ...instrument.Family) map[string]float64 {
	t.Helper()
	samples := make(map[string]float64)
	for line := range strings.Lines(r.Text(t, families...)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSuffix(line, "\n")
		end := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		samples[line[:end]] = value
	}
	return samples
}

// Text returns families, by default all, in the text exposition format without HELP lines,
// sorted by name. A family without series is left out.
func (r *Reader) Text(t testing.TB, families ...instrument.Family) string {
	t.Helper()
	var text strings.Builder
	for _, family := range r.gather(t, families) {
		family.Help = nil
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// Families returns all families that have series, by name. They have the details that the
// other methods leave out: single labels, exemplars, help texts.
func (r *Reader) Families(t testing.TB) map[string]*dto.MetricFamily {
	t.Helper()
	families := make(map[string]*dto.MetricFamily)
	for _, family := range r.gather(t, nil) {
		families[family.GetName()] = family
	}
	return families
}

// Expect fails the test, with a diff, if the samples of families, by default of all,
// differ from want, in the text exposition format. Lines are compared as text, as
// [Reader.Text] returns them:
//
//   - labels are sorted by name, le last, and separated by a comma without a space
//   - a value is in its shortest form: 1, 0.5 and 1e+06, not 1.0, .5 and 1000000
//   - one space separates the labels and the value
//
// The order of the lines, empty lines, comments and white space around a line do not
// matter. The types are compared if want has lines TYPE.
func (r *Reader) Expect(t testing.TB, want string, families ...instrument.Family) {
	t.Helper()
	types := strings.Contains(want, "# TYPE ")
	if diff := diff(lines(want, types), lines(r.Text(t, families...), types)); diff != "" {
		t.Errorf("measured (-want +got):\n%s", diff)
	}
}

// lines returns the set of lines of a text, without comments other than types.
func lines(text string, types bool) map[string]bool {
	set := make(map[string]bool)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && (!strings.HasPrefix(line, "#") || types && strings.HasPrefix(line, "# TYPE ")) {
			set[line] = true
		}
	}
	return set
}

// diff returns the lines of only one of two sets.
func diff(want, got map[string]bool) string {
	all := maps.Clone(want)
	maps.Copy(all, got)
	var diff strings.Builder
	for _, line := range slices.Sorted(maps.Keys(all)) {
		switch {
		case !got[line]:
			fmt.Fprintf(&diff, "-%s\n", line)
		case !want[line]:
			fmt.Fprintf(&diff, "+%s\n", line)
		}
	}
	return diff.String()
}
