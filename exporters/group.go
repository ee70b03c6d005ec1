package exporters

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/otlptranslator"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
)

// group is the families of one meter provider, and what is gathered beside them.
type group struct {
	exporter *Exporter
	provider *sdk.MeterProvider
	gatherer prometheus.Gatherer
	reports  func() bool // whether this process reports them now

	// cache holds them rendered; nil if they are rendered for each scrape.
	cache *render.Cache[format]

	failing atomic.Bool // something is left out of scrapes
}

// newGroup returns the group of a scope's families, which the reader reads too,
// if it is not nil. Runtime is gathered beside them; nil for nothing.
func (e *Exporter) newGroup(s instrument.Scope, reports func() bool, reader sdk.Reader, runtime prometheus.Gatherer) (*group, error) {
	registry := prometheus.NewRegistry()
	scrapes, err := otelprometheus.New(
		otelprometheus.WithRegisterer(registry),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
		// The views give streams their documented names: nothing is to be
		// added or escaped.
		otelprometheus.WithTranslationStrategy(otlptranslator.NoTranslation),
	)
	if err != nil {
		return nil, fmt.Errorf("create the Prometheus reader of the %s scope: %w", s, err)
	}
	options := []sdk.Option{
		sdk.WithReader(scrapes),
		sdk.WithView(instrument.View(s)),
		// Limits are kept where values enter, by package meters. The SDK's
		// would fold a deployment of more than 2,000 workspaces into one
		// overflow series.
		sdk.WithCardinalityLimit(0),
	}
	if reader != nil {
		options = append(options, sdk.WithReader(reader))
	}
	g := &group{exporter: e, provider: sdk.NewMeterProvider(options...), gatherer: registry, reports: reports}
	if runtime != nil {
		g.gatherer = concat{registry, runtime}
	}
	return g, nil
}

// renderAhead makes the group one that is rendered ahead of scrapes. Something
// is to run its cache.
func (g *group) renderAhead() { g.cache = render.NewCache(g.gather) }

// rendering returns the group's part of an answer. It fails only if a part that
// is rendered ahead is not there and ctx ends before it is.
func (g *group) rendering(ctx context.Context, f format, encoding render.Encoding) (render.Rendering, error) {
	if g.cache != nil {
		return g.cache.Get(ctx, f, encoding)
	}
	write := g.gather()
	return render.New(render.Of(encoding), render.Rendering{}, func(w io.Writer) { write(w, f) }), nil
}

// gather collects the families and returns how to write them. What cannot be
// gathered or written is left out, a family whole, and counted.
func (g *group) gather() func(io.Writer, format) {
	families, err := g.gatherer.Gather()
	if err != nil {
		g.failed(err)
	}
	return func(w io.Writer, f format) {
		failed := err
		var text bytes.Buffer // of one family
		encoder := expfmt.NewEncoder(&text, f.contentType())
		for _, family := range families {
			text.Reset()
			if err := encoder.Encode(f.adapt(family)); err != nil {
				g.failed(err)
				failed = err
				continue
			}
			if _, err := w.Write(text.Bytes()); err != nil {
				return // nobody waits for the rest
			}
		}
		if failed == nil && g.failing.Swap(false) {
			g.exporter.logger.Info("scrape is complete again")
		}
	}
}

// failed counts what is left out of a scrape. It is logged when that begins, not
// for every scrape.
func (g *group) failed(err error) {
	g.exporter.scrapeErrors.Add(1)
	if !g.failing.Swap(true) {
		g.exporter.logger.Warn("scrape is incomplete: what is affected is left out", "error", err)
	}
}

// concat gathers from gatherers that share no family. Unlike
// prometheus.Gatherers it does not look for duplicates, which takes a hash of
// every series.
type concat []prometheus.Gatherer

func (c concat) Gather() ([]*dto.MetricFamily, error) {
	var all []*dto.MetricFamily
	var errs []error
	for _, gatherer := range c {
		families, err := gatherer.Gather()
		all = append(all, families...)
		errs = append(errs, err)
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return all, errors.Join(errs...)
}
