package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/internal/listen"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

func serverCommand(stderr io.Writer) *cli.Command {
	var o serverOptions
	return &cli.Command{
		Name:  "server",
		Usage: "serve what the database tells to Prometheus, or push it over OTLP",
		Description: `The database may be away when it starts and at any time later: the endpoint goes
on answering, and otelcoder_source_up says what is not known. Any number of
processes may run at one database: one at a time reports the state that all of
them see, the others serve /metrics/deployment with nothing in it and take over
within 15 seconds.`,
		Flags: o.flags(),
		Action: func(ctx context.Context, _ *cli.Command) error {
			log := o.log.logger(stderr)
			slog.SetDefault(log) // for libraries
			err := serve(ctx, o, log)
			if ctx.Err() != nil {
				return nil // ended as asked, perhaps before all had started
			}
			return err
		},
	}
}

var errNothingEnabled = errors.New("nothing to do: enable the endpoint by --prometheus-enable or CODER_PROMETHEUS_ENABLE=true, " +
	"or name a collector by --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT")

// serve puts the service together and runs it until ctx ends. Only what is said
// in flags and environment can keep it from starting; what is connected to is
// not waited for.
func serve(ctx context.Context, o serverOptions, log *slog.Logger) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	push, err := otlp.New(ctx, otlp.WithEndpoint(o.otlpEndpoint), otlp.WithLogger(log))
	if err != nil {
		return misused(err)
	}
	metrics := push.Metrics() // nil if metrics are not pushed
	if !o.prometheusEnable && metrics == nil {
		return misused(errNothingEnabled)
	}
	url, options, err := o.database.options(ctx, log)
	if err != nil {
		return misused(err)
	}
	options = append(options, coderdb.WithInterval(o.collection.interval),
		coderdb.WithFollowInterval(min(o.collection.interval, followInterval)))
	db, err := coderdb.Open(ctx, url, options...)
	if err != nil {
		return misused(err)
	}
	defer db.Close()
	reporter, err := o.database.reporter(db, url, options)
	if err != nil {
		return misused(err)
	}
	secured, err := webConfig(o.webConfigFile, log)
	if err != nil {
		return misused(err)
	}
	listeners, err := o.listen(ctx)
	if err != nil {
		return err
	}
	defer listeners.close()

	exporter, err := exporters.New(exporters.WithLogger(log), exporters.WithReporter(reporter.Reports),
		exporters.WithHealth(reporter.Health, db.Health), metrics, secured)
	if err != nil {
		return err
	}
	flush := sync.OnceFunc(func() { shutDown(log, "exporter", exporter.Shutdown) })
	defer flush()
	m, err := meters.New(exporter.Providers(),
		append(o.collection.options(), meters.WithLogger(log), meters.WithReachable(reporter.Reachable))...)
	if err != nil {
		return err
	}
	m.Poll(db.Sources())
	m.Go(reporter.Run)
	m.Go(func(ctx context.Context) { coderdb.Follow(ctx, db, reporter, m) })
	// The last push goes out while this process still holds the role, and before the
	// series are withdrawn.
	defer shutDown(log, "meters", m.Shutdown)
	defer flush()

	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	failed := make(chan error, 2)
	serving := func(serve func(context.Context, net.Listener) error, on net.Listener) {
		running.Go(func() {
			if err := serve(ctx, on); err != nil {
				failed <- err
			}
		})
	}
	serving(serveHealth, listeners.health)
	if listeners.metrics != nil {
		serving(exporter.Serve, listeners.metrics)
	}
	ready := []any{"metrics", listeners.metricsURL(secured != nil), "health", listeners.healthURL()}
	if endpoint := push.MetricsEndpoint(); endpoint != "" {
		ready = append(ready, "push", endpoint)
	}
	log.Info("ready", ready...)

	for {
		select {
		case <-hangups:
			log.Info("SIGHUP: the web configuration file is read again by itself")
			if o.database.urlFile != "" {
				reconnect(ctx, db, reporter, log)
			}
		case <-ctx.Done():
			log.Info("ending")
			return nil
		case err := <-failed:
			return err
		}
	}
}

// reconnect connects to the database by the URL that its file holds now.
func reconnect(ctx context.Context, db *coderdb.DB, reporter *coderdb.Reporter, log *slog.Logger) {
	if err := db.Reconnect(ctx); err != nil {
		log.Error("the database is not reconnected to: its URL cannot be used", "error", err)
		return
	}
	if err := reporter.Reconnect(ctx); err != nil { // the file has changed since
		log.Error("the role is not reconnected: the URL of the database cannot be used", "error", err)
		return
	}
	log.Info("reconnecting to the database by --postgres-url-file")
}

// followInterval is the longest time between two looks for events.
const followInterval = 10 * time.Second

// listeners are what the service listens on.
type listeners struct {
	health  net.Listener
	metrics net.Listener // nil if nothing is scraped
}

func (o *serverOptions) listen(ctx context.Context) (l listeners, err error) {
	if l.health, err = listenHealth(ctx, o.healthAddress); err != nil {
		return l, err
	}
	if o.prometheusEnable {
		if l.metrics, err = listen.Metrics(ctx, o.prometheusAddress); err != nil {
			l.health.Close()
			return l, fmt.Errorf("%w (--prometheus-address)", err)
		}
	}
	return l, nil
}

func (l listeners) close() {
	l.health.Close()
	if l.metrics != nil {
		l.metrics.Close()
	}
}

func (l listeners) healthURL() string { return "http://" + l.health.Addr().String() + "/healthz" }

// metricsURL leaves out the scheme if a web configuration file has it.
func (l listeners) metricsURL(secured bool) string {
	if l.metrics == nil {
		return "not served: see --prometheus-enable"
	}
	if secured {
		return l.metrics.Addr().String() + "/"
	}
	return "http://" + l.metrics.Addr().String() + "/"
}

// shutDown gives something a moment to stop.
func shutDown(log *slog.Logger, what string, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		log.Warn("cannot stop cleanly", "what", what, "error", err)
	}
}
