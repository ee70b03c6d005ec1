package exporters

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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
	exporter  *Exporter
	provider  *sdk.MeterProvider
	gathered  func() iter.Seq2[[]*dto.MetricFamily, error]
	reporters bool // only the reporter serves them

	// cache holds them rendered; nil if they are rendered for each scrape.
	cache *render.Cache[format]

	failing atomic.Bool // something is left out of scrapes
}

// newGroupAhead returns a group that is rendered ahead of scrapes, once its cache
// runs. A further reader may be nil.
func (e *Exporter) newGroupAhead(of instrument.Group, reader sdk.Reader) (*group, error) {
	o, err := newOneByOne()
	if err != nil {
		return nil, fmt.Errorf("create the Prometheus reader of the %s group: %w", of, err)
	}
	g := &group{exporter: e, provider: newProvider(of, o.reader, reader), gathered: o.gather, reporters: true}
	g.cache = render.NewCache(g.gather)
	return g, nil
}

// newGroupLive returns a group that is rendered for each scrape, together with the
// families of another gatherer. A further reader may be nil.
func (e *Exporter) newGroupLive(of instrument.Group, reader sdk.Reader, beside prometheus.Gatherer) (*group, error) {
	registry := prometheus.NewRegistry()
	scrapes, err := newScrapeReader(registry)
	if err != nil {
		return nil, fmt.Errorf("create the Prometheus reader of the %s group: %w", of, err)
	}
	return &group{
		exporter: e,
		provider: newProvider(of, scrapes, reader),
		gathered: func() iter.Seq2[[]*dto.MetricFamily, error] {
			return func(yield func([]*dto.MetricFamily, error) bool) { yield(concat{registry, beside}.Gather()) }
		},
	}, nil
}

func newScrapeReader(registry *prometheus.Registry, options ...otelprometheus.Option) (sdk.Reader, error) {
	return otelprometheus.New(append(options,
		otelprometheus.WithRegisterer(registry),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
		// The views give streams their documented names: nothing is to be
		// added or escaped.
		otelprometheus.WithTranslationStrategy(otlptranslator.NoTranslation),
	)...)
}

// newProvider returns the meter provider of a group. Nil readers are ignored.
func newProvider(g instrument.Group, readers ...sdk.Reader) *sdk.MeterProvider {
	options := []sdk.Option{
		sdk.WithView(instrument.View(g)),
		// Limits are kept where values enter, by package meters. The SDK's
		// would fold a deployment of more than 2,000 workspaces into one
		// overflow series.
		sdk.WithCardinalityLimit(0),
	}
	for _, reader := range readers {
		if reader != nil {
			options = append(options, sdk.WithReader(reader))
		}
	}
	return sdk.NewMeterProvider(options...)
}

// notifyingProvider passes announced changes on to the cache: it implements
// [instrument.Notifier].
type notifyingProvider struct {
	*sdk.MeterProvider
	*render.Cache[format]
}

// rendering returns the group's part of an answer. It fails only if a part that
// is rendered ahead is not there and ctx ends before it is.
func (g *group) rendering(ctx context.Context, f format, encoding render.Encoding) (render.Rendering, error) {
	if g.cache != nil {
		return g.cache.Get(ctx, f, encoding)
	}
	return render.New(render.Of(encoding), func(w io.Writer) {
		for write := range g.gather() {
			write(w, f)
		}
	}), nil
}

// gather collects the families and returns how to write them, some at a time.
// What cannot be gathered or written is left out, a family whole, and counted.
func (g *group) gather() iter.Seq[func(io.Writer, format)] {
	return func(yield func(func(io.Writer, format)) bool) {
		complete := true
		failed := func(err error) {
			complete = false
			g.failed(err)
		}
		var text bytes.Buffer // of one family
		for families, err := range g.gathered() {
			if err != nil {
				failed(err)
			}
			if !yield(func(w io.Writer, f format) {
				encoder := expfmt.NewEncoder(&text, f.encoder())
				for _, family := range families {
					text.Reset()
					if err := encoder.Encode(f.adapt(family)); err != nil {
						failed(err)
						continue
					}
					w.Write(text.Bytes())
				}
			}) {
				return
			}
		}
		if complete && g.failing.Swap(false) {
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
