package exporters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
)

// group renders the families of one meter provider.
type group struct {
	exporter  *Exporter
	of        instrument.Group
	provider  *sdk.MeterProvider
	reader    *sdk.ManualReader // of provider
	converter *converter
	foreign   *foreign // nil in a foreign group

	// Groups with many series are rendered ahead of scrapes and only served by the
	// reporter.
	cache *render.Cache[format] // nil if rendered for each scrape
	seed  maphash.Seed          // for hashes of samples
	text  bytes.Buffer          // of a piece; only the renderings of the cache use it

	// extra gathers additional families; empty in groups with a cache.
	extra prometheus.Gatherer

	summaries  atomic.Pointer[summaries]        // nil at first
	collecting time.Duration                    // duration of the last refresh, used only there
	live       atomic.Pointer[render.Rendering] // last text rendering of a group without a cache

	failures atomic.Int64
	failing  atomic.Bool // scrapes are incomplete
}

// newGroupAhead returns a group that its cache renders ahead of scrapes. The caller
// runs the cache. Readers are additional.
func (e *Exporter) newGroupAhead(of instrument.Group, readers []sdk.Reader) (*group, error) {
	g, err := e.newGroup(of, readers)
	if err != nil {
		return nil, err
	}
	g.seed = maphash.MakeSeed()
	g.cache = render.NewCache(g.encodeEach)
	return g, nil
}

// newGroupLive returns a group that is rendered for each scrape, with the families of
// an additional gatherer. Readers are additional.
func (e *Exporter) newGroupLive(of instrument.Group, readers []sdk.Reader, extra prometheus.Gatherer) (*group, error) {
	g, err := e.newGroup(of, readers)
	if err != nil {
		return nil, err
	}
	g.extra = extra
	return g, nil
}

func (e *Exporter) newGroup(of instrument.Group, readers []sdk.Reader) (*group, error) {
	converter, err := newConverter(
		// The views set the documented names.
		otelprometheus.WithTranslationStrategy(otlptranslator.NoTranslation),
		otelprometheus.WithoutScopeInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("create the Prometheus exporter of the %s group: %w", of, err)
	}
	g := &group{
		exporter: e, of: of, extra: prometheus.Gatherers{}, foreign: e.foreign[of],
		reader: sdk.NewManualReader(), converter: converter,
	}
	options := []sdk.Option{
		sdk.WithReader(g.reader),
		sdk.WithView(e.catalogueView(of)),
		// Package meters limits the series. The SDK's limit would fold the
		// series of all but the first 2,000 workspaces into one.
		sdk.WithCardinalityLimit(0),
	}
	for _, reader := range readers {
		options = append(options, sdk.WithReader(reader))
	}
	g.provider = sdk.NewMeterProvider(options...)
	return g, nil
}

// rendering renders the group for a scrape. It fails only if ctx ends or the cache has
// ended.
func (g *group) rendering(ctx context.Context, q query) (render.Rendering, error) {
	if g.cache != nil {
		r, err := g.cache.Get(ctx, q.format, q.encoding)
		if q.names != nil {
			r = r.Only(q.names)
		}
		return r, err
	}
	b := render.NewBuilder(render.Of(q.encoding), render.Rendering{})
	g.encodeTogether(ctx, q, b)
	r := b.End()
	if q.format == text && q.names == nil && ctx.Err() == nil {
		g.live.Store(&r)
	}
	return r, ctx.Err()
}

// try calls step and reports whether it succeeded. Errors and panics are counted.
func (g *group) try(step func() error) (ok bool) {
	if err := try(step); err != nil {
		g.failed(err)
		return false
	}
	return true
}

// try calls step and returns its error. A panic becomes an error.
func try(step func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return step()
}

// failed counts a scrape error. Only the first of a row is logged.
func (g *group) failed(err error) {
	g.failures.Add(1)
	g.exporter.scrapeErrors.Add(1)
	if g.failing.Swap(true) {
		return
	}
	g.exporter.logger.Warn("scrape is incomplete: affected series are left out", "error", brief(err))
}

// brief shortens the error of a gatherer, which can list an error for each series.
func brief(err error) error {
	var several prometheus.MultiError
	if errors.As(err, &several) && len(several) > 1 {
		return fmt.Errorf("%w, and %d more", several[0], len(several)-1)
	}
	return err
}

// complete returns a function to call after a rendering. It logs the first rendering
// without an error after a failed one.
func (g *group) complete() func() {
	before := g.failures.Load()
	return func() {
		if g.failures.Load() == before && g.failing.Swap(false) {
			g.exporter.logger.Info("scrape is complete again")
		}
	}
}
