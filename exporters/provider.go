package exporters

import (
	"context"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
)

// provider is the meter provider of a group for recorders. It guards callbacks: a
// panic or an error is counted as a scrape error and leaves out only the observations
// of the callback. In the SDK a panic ends the process, and after an error a periodic
// reader exports nothing.
type provider struct {
	*sdk.MeterProvider
	group *group
}

// Meter returns a meter for the catalogue's instruments, or in other scopes for foreign
// instruments.
func (p provider) Meter(name string, options ...metric.MeterOption) metric.Meter {
	if name != instrument.ScopeName {
		foreign := p.group.foreign
		return meter{foreign.provider.Meter(name, options...), foreign.group}
	}
	return meter{p.MeterProvider.Meter(name, options...), p.group}
}

// notifyingProvider implements [instrument.Notifier] with the cache of the group.
type notifyingProvider struct {
	provider
	*render.Cache[format]
}

// processProvider implements [instrument.HealthBoard] with the board of the exporter.
type processProvider struct {
	provider
	*board
	claimed *atomic.Bool
}

// Claim implements [instrument.Claimer].
func (p processProvider) Claim() (release func(), ok bool) {
	if p.claimed.Swap(true) {
		return nil, false
	}
	return sync.OnceFunc(func() { p.claimed.Store(false) }), true
}

// meter guards the callbacks of observable instruments.
type meter struct {
	metric.Meter
	group *group
}

func (m meter) RegisterCallback(callback metric.Callback, instruments ...metric.Observable) (metric.Registration, error) {
	return m.Meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		m.group.try(func() error { return callback(ctx, observer{o, ctx}) })
		return nil
	}, instruments...)
}

// observer ignores observations after ctx has ended. The SDK does not check ctx, and a
// collection of a million series takes seconds.
type observer struct {
	metric.Observer
	ctx context.Context
}

func (o observer) ObserveFloat64(instrument metric.Float64Observable, value float64, options ...metric.ObserveOption) {
	if o.ctx.Err() == nil {
		o.Observer.ObserveFloat64(instrument, value, options...)
	}
}

func (o observer) ObserveInt64(instrument metric.Int64Observable, value int64, options ...metric.ObserveOption) {
	if o.ctx.Err() == nil {
		o.Observer.ObserveInt64(instrument, value, options...)
	}
}

func (m meter) Int64ObservableCounter(name string, options ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	c := metric.NewInt64ObservableCounterConfig(options...)
	return m.Meter.Int64ObservableCounter(name, metric.WithDescription(c.Description()), metric.WithUnit(c.Unit()), m.int64(c.Unit(), c.Callbacks()))
}

func (m meter) Int64ObservableUpDownCounter(name string, options ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	c := metric.NewInt64ObservableUpDownCounterConfig(options...)
	return m.Meter.Int64ObservableUpDownCounter(name, metric.WithDescription(c.Description()), metric.WithUnit(c.Unit()), m.int64(c.Unit(), c.Callbacks()))
}

func (m meter) Int64ObservableGauge(name string, options ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	c := metric.NewInt64ObservableGaugeConfig(options...)
	return m.Meter.Int64ObservableGauge(name, metric.WithDescription(c.Description()), metric.WithUnit(c.Unit()), m.int64(c.Unit(), c.Callbacks()))
}

func (m meter) Float64ObservableCounter(name string, options ...metric.Float64ObservableCounterOption) (metric.Float64ObservableCounter, error) {
	c := metric.NewFloat64ObservableCounterConfig(options...)
	return m.Meter.Float64ObservableCounter(name, metric.WithDescription(c.Description()), metric.WithUnit(c.Unit()), m.float64(c.Unit(), c.Callbacks()))
}

func (m meter) Float64ObservableUpDownCounter(name string, options ...metric.Float64ObservableUpDownCounterOption) (metric.Float64ObservableUpDownCounter, error) {
	c := metric.NewFloat64ObservableUpDownCounterConfig(options...)
	return m.Meter.Float64ObservableUpDownCounter(name, metric.WithDescription(c.Description()), metric.WithUnit(c.Unit()), m.float64(c.Unit(), c.Callbacks()))
}

func (m meter) Float64ObservableGauge(name string, options ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	c := metric.NewFloat64ObservableGaugeConfig(options...)
	return m.Meter.Float64ObservableGauge(name, metric.WithDescription(c.Description()), metric.WithUnit(c.Unit()), m.float64(c.Unit(), c.Callbacks()))
}

// int64 returns an option with the guarded callbacks. Without callbacks it adds none,
// since the SDK keeps callbacks for the life of the provider.
func (m meter) int64(unit string, callbacks []metric.Int64Callback) metric.Int64ObservableOption {
	if len(callbacks) == 0 {
		return metric.WithUnit(unit)
	}
	return metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
		for _, callback := range callbacks {
			m.group.try(func() error { return callback(ctx, o) })
		}
		return nil
	})
}

// float64 returns an option with the guarded callbacks. Without callbacks it adds none,
// since the SDK keeps callbacks for the life of the provider.
func (m meter) float64(unit string, callbacks []metric.Float64Callback) metric.Float64ObservableOption {
	if len(callbacks) == 0 {
		return metric.WithUnit(unit)
	}
	return metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
		for _, callback := range callbacks {
			m.group.try(func() error { return callback(ctx, o) })
		}
		return nil
	})
}
