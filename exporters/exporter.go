package exporters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/instrument/health"
)

// Exporter holds the meter providers and serves their measurements.
type Exporter struct {
	logger   *slog.Logger
	edition  instrument.Edition
	reporter func() bool
	handler  http.Handler
	serve    func(net.Listener, *http.Server) error

	deployment *group
	workspaces *group
	process    *group
	foreign    [instrument.Process + 1]*foreign // by group
	names      *names
	refusals   *refusals
	runtime    *prometheus.Registry // nil with WithoutRuntime
	host       *host                // nil without WithGatherer

	ended     atomic.Bool // Shutdown was called
	stop      context.CancelFunc
	running   sync.WaitGroup  // goroutines that render ahead, until stop is called
	calls     context.Context // of calls of the host's gatherer and callbacks
	stopCalls context.CancelFunc

	statusPage *statusPage // nil without a status page
	board      board
	claimed    atomic.Bool // a Meters measures on the providers

	scrapeErrors atomic.Int64
	pushed       [len(outcomes)]atomic.Int64
	preparing    chan struct{} // holds a token for each scrape being prepared
}

// New returns an Exporter, to be shut down with [Exporter.Shutdown]. It fails if an
// option is out of range, a gatherer of [WithGatherer] has metrics of the catalogue,
// or the OpenTelemetry SDK, client_golang or the function of [WithReader] fails.
func New(options ...Option) (*Exporter, error) {
	c, err := newConfig(options)
	if err != nil {
		return nil, fmt.Errorf("create the exporter: %w", err)
	}
	e := &Exporter{
		logger: c.logger, edition: c.edition, reporter: c.reporter, serve: c.serve, preparing: make(chan struct{}, c.maxScrapes),
		refusals: newRefusals(c.logger),
	}
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.calls, e.stopCalls = context.WithCancel(context.Background())
	if err := e.open(ctx, c); err != nil {
		// Nothing is recorded yet: do not wait.
		stop()
		e.Shutdown(ctx)
		return nil, err
	}
	return e, nil
}

func (e *Exporter) open(ctx context.Context, c config) (err error) {
	extra := prometheus.Gatherer(prometheus.Gatherers{})
	if c.runtime {
		e.runtime = newRuntimeRegistry()
		extra = trimmed{e.runtime, e.edition}
	}
	reserved := newReserved(e.edition, c.runtime)
	e.names = newNames(reserved, c.refuseForeign)
	for of := range instrument.Groups() {
		if e.foreign[of], err = e.newForeign(of); err != nil {
			return err
		}
	}
	if len(c.gatherers) > 0 {
		if err := e.openHost(c.gatherers, reserved); err != nil {
			return err
		}
	}
	always := func() bool { return true }
	workspaces := workspacesProducer{e, sdk.NewManualReader(), e.foreign[instrument.Workspaces]}
	deploymentReaders, err := c.readers(ReaderConfig{
		Group:    instrument.Deployment,
		Reports:  e.reporter,
		Exported: e.exported,
		Health:   e.addHealth,
		Producer: producers{e.foreign[instrument.Deployment]},
	})
	if err != nil {
		return err
	}
	if e.deployment, err = e.newGroupAhead(instrument.Deployment, deploymentReaders); err != nil {
		return err
	}
	processReaders, err := c.readers(ReaderConfig{
		Group:    instrument.Process,
		Reports:  always,
		Exported: e.exported,
		Health:   e.addHealth,
		Producer: producers{workspaces, e.foreign[instrument.Process]},
		Gatherer: e.withHost(extra),
	})
	if err != nil {
		return err
	}
	if e.workspaces, err = e.newGroupAhead(instrument.Workspaces, []sdk.Reader{workspaces.reader}); err != nil {
		return err
	}
	if e.process, err = e.newGroupLive(instrument.Process, processReaders, extra); err != nil {
		return err
	}
	if c.statusPage {
		e.statusPage = newStatusPage(e, c)
	}
	e.handler = e.newHandler()
	if err := e.observeHealth(c.version); err != nil {
		return err
	}
	for _, g := range []*group{e.deployment, e.workspaces} {
		e.running.Go(func() { g.cache.Run(ctx) })
	}
	if e.statusPage != nil {
		e.running.Go(func() { e.statusPage.run(ctx) })
	}
	return nil
}

// openHost starts serving the gatherers of WithGatherer.
func (e *Exporter) openHost(gatherers []prometheus.Gatherer, r reserved) error {
	e.host = newHost(e, gatherers, r)
	if found := e.host.gather(context.Background()).conflicts; len(found) > 0 {
		return fmt.Errorf("create the exporter: %w", conflictError(found))
	}
	return nil
}

// Providers returns the meter providers to measure on. They also accept foreign
// instruments, which a host creates in its own scopes, unless
// [WithoutForeignInstruments] is given. These are served and pushed with their group, up
// to the SDK's cardinality limit of 2,000 series each. A scrape has the names and labels
// of the OpenTelemetry Prometheus exporter: the counter host.requests is
// host_requests_total, with otel_scope_name, otel_scope_version and
// otel_scope_schema_url. A push has their OpenTelemetry names.
//
// Refusals are logged and counted in otelcoder_refused_total with origin "host" and a
// reason: "instrument" with [WithoutForeignInstruments], or for an instrument outside the
// catalogue in the scope instrument.ScopeName; "name" if the catalogue, or an instrument
// of another type, group or unit, has its Prometheus name; "overflow" for a collection
// above the limit.
//
// Concurrent scrapes and pushes share a call of the callbacks of foreign instruments, so
// that an answer can lack changes since its request. If the callbacks of a group take
// longer than five seconds, its foreign instruments are left out, and while one hangs, the
// SDK blocks the creation of further ones. Series with an invalid label, such as le of a
// histogram, are left out of scrapes. Each is logged and counted in
// otelcoder_scrape_errors_total. Callbacks of the catalogue's instruments have no such
// limit and must not block.
func (e *Exporter) Providers() instrument.Providers {
	return instrument.Providers{
		Deployment: notifyingProvider{provider{e.deployment.provider, e.deployment}, e.deployment.cache},
		Workspaces: notifyingProvider{provider{e.workspaces.provider, e.workspaces}, e.workspaces.cache},
		Process:    processProvider{provider{e.process.provider, e.process}, &e.board, &e.claimed},
		Edition:    e.edition,
	}
}

// Shutdown flushes and stops the readers. Later measurements are lost, and scrapes get
// 503 until the context of [Exporter.ListenAndServe] ends. It returns an error at the end
// of ctx, which should have a deadline: a reader can take long to flush. For a function
// of the host that hangs, such as the gatherer of [WithGatherer], it waits at most five
// seconds. Later calls return nil at once.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e.ended.Swap(true) {
		return nil
	}
	e.stop()
	// The final push still calls the host's gatherer and callbacks.
	release := context.AfterFunc(ctx, e.stopCalls)
	defer release()
	// Flush the readers in parallel, so that each has until ctx ends.
	var flushing sync.WaitGroup
	var errs [2]error
	for i, g := range []*group{e.deployment, e.process} {
		if g != nil {
			flushing.Go(func() { errs[i] = g.provider.Shutdown(ctx) })
		}
	}
	flushing.Wait()
	e.stopCalls()
	err := errors.Join(errs[:]...)
	// The readers no longer read these providers.
	if e.workspaces != nil {
		err = errors.Join(err, e.workspaces.provider.Shutdown(ctx))
	}
	returning, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	for _, f := range e.foreign {
		if f != nil {
			err = errors.Join(err, f.provider.Shutdown(ctx), f.calls.wait(returning))
		}
	}
	if e.host != nil {
		err = errors.Join(err, e.host.calls.wait(returning))
	}
	ended := make(chan struct{})
	go func() {
		e.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done(): // the goroutines end by themselves
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("shut the exporter down: %w", err)
	}
	return nil
}

// catalogued reports whether the edition has a family with the name.
func (e *Exporter) catalogued(name string) bool {
	_, ok := e.edition.Lookup(name)
	return ok
}

func (e *Exporter) addHealth(report func(*health.Report)) { e.board.ReportHealth(report) }
