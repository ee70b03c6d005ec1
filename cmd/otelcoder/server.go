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
		Usage: "serve the metrics to Prometheus, or push them over OTLP",
		Description: `The database may be unavailable at the start and at any time later: the endpoint
keeps answering, and otelcoder_source_up is 0 for each source that fails. Any number
of processes may read one database. One at a time reports the deployment; the others
serve an empty /metrics/deployment and take over within 15 seconds.`,
		Flags: o.flags(),
		Action: func(ctx context.Context, _ *cli.Command) error {
			log := o.log.logger(stderr)
			slog.SetDefault(log) // for libraries
			err := serve(ctx, o, log)
			if ctx.Err() != nil {
				return nil // stopped by a signal, perhaps during the start
			}
			return err
		},
	}
}

var errNothingEnabled = errors.New("nothing to do: enable the endpoint with --prometheus-enable or CODER_PROMETHEUS_ENABLE=true, " +
	"or set a collector with --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT")

// serve wires the service and runs it until ctx ends. Only invalid flags and variables
// stop the start; it does not wait for connections.
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

	exporter, err := exporters.New(exporters.WithLogger(log), exporters.WithEdition(o.database.edition), exporters.WithReporter(reporter.Reports),
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
	// The last push is sent while this process still reports, and before the meters
	// withdraw their series.
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
			log.Info("SIGHUP: the web configuration file needs no reload")
			if o.database.urlFile != "" {
				reconnect(ctx, db, reporter, log)
			}
		case <-ctx.Done():
			log.Info("shutting down")
			return nil
		case err := <-failed:
			return err
		}
	}
}

// reconnect reconnects to the database by the URL in its file.
func reconnect(ctx context.Context, db *coderdb.DB, reporter *coderdb.Reporter, log *slog.Logger) {
	if err := db.Reconnect(ctx); err != nil {
		log.Error("cannot reconnect to the database: its URL cannot be used", "error", err)
		return
	}
	if err := reporter.Reconnect(ctx); err != nil { // the file may change in between
		log.Error("cannot reconnect as reporter: the URL of the database cannot be used", "error", err)
		return
	}
	log.Info("reconnecting to the database by --postgres-url-file")
}

// followInterval is the longest time between two polls for events.
const followInterval = 10 * time.Second

// listeners are the service's listeners.
type listeners struct {
	health  net.Listener
	metrics net.Listener // nil without --prometheus-enable
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

// metricsURL returns the URL of the endpoint. It has no scheme if there is a web
// configuration file, which chooses between HTTP and HTTPS.
func (l listeners) metricsURL(secured bool) string {
	if l.metrics == nil {
		return "not served: see --prometheus-enable"
	}
	if secured {
		return l.metrics.Addr().String() + "/"
	}
	return "http://" + l.metrics.Addr().String() + "/"
}

// shutDown calls stop with a timeout of two seconds and logs its error.
func shutDown(log *slog.Logger, what string, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		log.Warn("cannot stop cleanly", "what", what, "error", err)
	}
}
