package exporters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/instrument"
)

// Exporter holds the meter providers and serves what is recorded on them.
type Exporter struct {
	logger     *slog.Logger
	reporter   func() bool
	deployment *sdk.MeterProvider
	replica    *sdk.MeterProvider
	handler    http.Handler

	scrapeErrors  atomic.Int64
	scrapeFailing atomic.Bool
	rendered      [len(formats)]atomic.Int64 // bytes of the newest rendering
	pushed        [len(outcomes)]atomic.Int64
}

// New returns an Exporter with a meter provider for each scope. It fails only
// if the OpenTelemetry SDK or client_golang refuse what they are given, or a
// reader of [WithReader] cannot be made.
func New(options ...Option) (_ *Exporter, err error) {
	c := newConfig(options)
	e := &Exporter{logger: c.logger, reporter: c.reporter}
	defer func() {
		if err != nil {
			e.abandon()
		}
	}()

	deployment, err := e.newScope(c, instrument.Deployment, nil)
	if err != nil {
		return nil, err
	}
	e.deployment = deployment.provider
	runtime := newRuntimeRegistry()
	replica, err := e.newScope(c, instrument.Replica, trimmed{runtime})
	if err != nil {
		return nil, err
	}
	e.replica = replica.provider

	e.handler = e.newHandler(
		e.whileReporting(deployment.registry),
		concat{replica.registry, trimmed{runtime}},
		runtime,
	)
	if err := e.observeHealth(c.version); err != nil {
		return nil, err
	}
	return e, nil
}

// Providers returns the meter providers to measure on.
func (e *Exporter) Providers() instrument.Providers {
	return instrument.Providers{Deployment: e.deployment, Replica: e.replica, Workspaces: e.replica}
}

// Shutdown flushes and stops the readers; what is recorded afterwards is lost.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if err := errors.Join(e.deployment.Shutdown(ctx), e.replica.Shutdown(ctx)); err != nil {
		return fmt.Errorf("shut the meter providers down: %w", err)
	}
	return nil
}

// abandon stops what a New that fails has begun, at once.
func (e *Exporter) abandon() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, provider := range []*sdk.MeterProvider{e.deployment, e.replica} {
		if provider != nil {
			provider.Shutdown(ctx)
		}
	}
}

// scope is the meter provider of an instrument.Scope and the registry that its
// Prometheus reader fills.
type scope struct {
	provider *sdk.MeterProvider
	registry *prometheus.Registry
}

// newScope returns a scope that runtime families are gathered beside; nil for
// none.
func (e *Exporter) newScope(c config, s instrument.Scope, runtime prometheus.Gatherer) (scope, error) {
	registry := prometheus.NewRegistry()
	reader, err := otelprometheus.New(
		otelprometheus.WithRegisterer(registry),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
		// The views give streams their documented names: nothing is to be
		// added or escaped.
		otelprometheus.WithTranslationStrategy(otlptranslator.NoTranslation),
	)
	if err != nil {
		return scope{}, fmt.Errorf("create the Prometheus reader of the %s scope: %w", s, err)
	}
	options := []sdk.Option{
		sdk.WithReader(reader),
		sdk.WithView(instrument.View(s)),
		// Limits are kept where values enter, by package meters. The SDK's
		// would fold a deployment of more than 2,000 workspaces into one
		// overflow series.
		sdk.WithCardinalityLimit(0),
	}
	if c.newReader != nil {
		reader, err := c.newReader(e.readerConfig(s, runtime))
		if err != nil {
			return scope{}, fmt.Errorf("create the reader of the %s scope: %w", s, err)
		}
		options = append(options, sdk.WithReader(reader))
	}
	return scope{sdk.NewMeterProvider(options...), registry}, nil
}
