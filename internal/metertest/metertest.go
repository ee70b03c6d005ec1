// Package metertest is what the tests of packages meters and httpmw share: a
// [Meter] collects what they record, through the catalogue's views, and shows
// it as a scraper would see it.
package metertest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/otlptranslator"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/instrument"
)

// Meter collects the instruments that are created on its providers.
type Meter struct {
	registry  *prometheus.Registry
	providers instrument.Providers
	changed   chan struct{}

	mu      sync.Mutex
	expires time.Time
	expiry  *time.Timer // nil: nothing expires
}

// New makes a meter that is shut down when the test ends. It may be made and
// used inside a bubble of testing/synctest.
func New(t testing.TB) *Meter {
	t.Helper()
	m := &Meter{registry: prometheus.NewRegistry(), changed: make(chan struct{}, 1)}
	m.providers.Deployment = m.provider(t, instrument.Deployment)
	m.providers.Workspaces = m.provider(t, instrument.Workspaces)
	m.providers.Process = m.provider(t, instrument.Process)
	return m
}

// provider announces changes to the Meter, as a reader that prepares does: what
// expires is announced when the time comes, unless it was collected again before.
type provider struct {
	*sdk.MeterProvider
	meter *Meter
}

func (p provider) Changed(from time.Time) {
	m := p.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	wait := time.Until(from)
	if wait <= 0 {
		m.announce()
		return
	}
	if m.expiry == nil || from.Before(m.expires) {
		m.stopExpiry()
		m.expires, m.expiry = from, time.AfterFunc(wait, m.announce)
	}
}

func (m *Meter) announce() {
	select {
	case m.changed <- struct{}{}:
	default: // one is waiting to be received already
	}
}

func (m *Meter) stopExpiry() {
	if m.expiry != nil {
		m.expiry.Stop()
		m.expiry = nil
	}
}

func (m *Meter) provider(t testing.TB, group instrument.Group) metric.MeterProvider {
	t.Helper()
	reader, err := otelprom.New(
		otelprom.WithRegisterer(m.registry),
		otelprom.WithTranslationStrategy(otlptranslator.NoTranslation),
		otelprom.WithoutScopeInfo(),
		otelprom.WithoutTargetInfo(),
	)
	if err != nil {
		t.Fatal(err)
	}
	p := sdk.NewMeterProvider(
		sdk.WithReader(reader),
		sdk.WithView(instrument.View(group)),
		sdk.WithCardinalityLimit(0),
	)
	t.Cleanup(func() {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.stopExpiry()
	})
	return provider{p, m}
}

// Providers returns the meter's providers.
func (m *Meter) Providers() instrument.Providers { return m.providers }

// Changed returns a channel that receives when a change is announced. Changes
// that nobody has received yet are one.
func (m *Meter) Changed() <-chan struct{} { return m.changed }

// Text returns the text exposition of the named families, sorted, without HELP
// lines; without a name, that of all families. A family without a series is
// left out.
func (m *Meter) Text(t testing.TB, families ...string) string {
	t.Helper()
	var text strings.Builder
	for _, family := range m.gather(t) {
		if len(families) > 0 && !slices.Contains(families, family.GetName()) {
			continue
		}
		family.Help = nil
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// Value returns the value of a sample, named as the text exposition writes it:
//
//	coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/users"}
//	coderd_api_request_latencies_seconds_count{method="GET",path="/api/v2/users"}
//
// and whether there is such a sample.
func (m *Meter) Value(t testing.TB, sample string) (float64, bool) {
	t.Helper()
	for line := range strings.Lines(m.Text(t)) {
		text, found := strings.CutPrefix(line, sample+" ")
		if !found {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			t.Fatalf("%s: %v", sample, err)
		}
		return value, true
	}
	return 0, false
}

// Families returns what a scrape would gather, for what Text does not show:
// exemplars, help texts.
func (m *Meter) Families(t testing.TB) map[string]*dto.MetricFamily {
	t.Helper()
	families := make(map[string]*dto.MetricFamily)
	for _, family := range m.gather(t) {
		families[family.GetName()] = family
	}
	return families
}

// gather fails the test if any series would break or be left out of a scrape.
func (m *Meter) gather(t testing.TB) []*dto.MetricFamily {
	t.Helper()
	m.mu.Lock()
	m.stopExpiry()
	m.mu.Unlock()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatalf("a scrape would fail: %v", err)
	}
	return families
}
