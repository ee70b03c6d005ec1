package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

// interval is the time between two collections of each source. It is short, so that
// effects are visible within seconds. The defaults of Coder and of package meters are one
// and five minutes.
const interval = 5 * time.Second

// serve wires the control plane and runs it until ctx ends.
func serve(ctx context.Context, o options, log *slog.Logger) error {
	apiListener, err := listen(ctx, "the API", o.httpAddress, "--http-address")
	if err != nil {
		return err
	}
	defer apiListener.Close()
	apiURL := "http://" + apiListener.Addr().String()

	var running sync.WaitGroup // goroutines that end with ctx
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 3)
	serving := func(serve func() error) {
		running.Go(func() {
			if err := serve(); err != nil {
				failed <- err
			}
		})
	}

	push, err := otlp.New(ctx, otlp.WithEndpoint(o.otlpEndpoint), otlp.WithLogger(log))
	if err != nil {
		return err
	}
	metrics := push.Metrics() // nil if metrics are not pushed

	var providers instrument.Providers // measure nothing without an exporter
	flush := func() {}
	metricsURL, metricsPort := "none: see --prometheus-enable", ""
	if o.prometheusEnable || metrics != nil {
		exporter, err := exporters.New(exporters.WithLogger(log), metrics)
		if err != nil {
			return err
		}
		flush = sync.OnceFunc(func() { shutDown(log, "exporter", exporter.Shutdown) })
		defer flush()
		providers = exporter.Providers()
		if o.prometheusEnable {
			metricsListener, err := listen(ctx, "metrics", o.prometheusAddress, "--prometheus-address")
			if err != nil {
				return err
			}
			serving(func() error { return exporter.Serve(ctx, metricsListener) })
			metricsURL = "http://" + metricsListener.Addr().String() + "/"
			_, metricsPort, _ = net.SplitHostPort(metricsListener.Addr().String())
		}
	}
	m, err := meters.New(providers, meters.WithInterval(interval), meters.WithInsightsInterval(interval), meters.WithLogger(log))
	if err != nil {
		return err
	}
	defer shutDown(log, "meters", m.Shutdown)
	defer flush() // sends the last push before the meters withdraw their series

	store := newStore(o.workspaces)
	database := &database{store: store}
	provisioner := &provisioner{store: store, builds: m.Builds(), jobs: m.Jobs(), queue: make(chan buildJob, 100)}

	oauth2Listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start the OAuth2 provider: %w", err)
	}
	serving(func() error { return serveHTTP(ctx, oauth2Listener, &oauth2Provider{started: time.Now()}, log) })
	externalAuth := newExternalAuth(m.OAuth2(), "http://"+oauth2Listener.Addr().String(), log)

	var broken sync.Map // IDs of agents that a user of the front page broke
	front := newFront(database, provisioner, externalAuth, &broken, metricsPort)
	api := &api{store: store, database: database, provisioner: provisioner, externalAuth: externalAuth, forwarded: m.Forwarded(), front: front, log: log}
	var middleware []httpmw.Option
	traces, err := push.Traces(ctx)
	if err != nil {
		return err
	}
	if traces != nil {
		defer shutDown(log, "traces", traces.Shutdown)
		middleware = append(middleware, httpmw.WithTracerProvider(traces))
	}
	handler := api.handler(httpmw.New(m.API(), middleware...))
	warmUp(ctx, handler)
	serving(func() error {
		err := serveHTTP(ctx, apiListener, handler, log)
		api.handlers.Lock() // waits for websockets, for which http.Server does not wait
		defer api.handlers.Unlock()
		return err
	})
	if err := startAgents(ctx, &running, page(store, &store.workspaces, 0, connectedAgents), apiURL, o.load > 0, &broken, log); err != nil {
		return err
	}

	m.Poll(meters.Sources{
		ActiveUsers:  database,
		LatestBuilds: database,
		Agents:       database,
		AgentStats:   database,
		Insights:     database,
		License:      database,
	})

	running.Go(func() { provisioner.run(ctx) })
	running.Go(func() { externalAuth.run(ctx) })
	log.Info("ready", "api", apiURL+"/", "metrics", metricsURL, "workspaces", o.workspaces, "load", o.load)
	if o.load > 0 {
		load := &load{apiURL, o.load, page(store, &store.workspaces, 0, 100), newClient(), log}
		running.Go(func() { load.run(ctx) })
	}

	select {
	case <-ctx.Done():
		log.Info("shutting down")
		return nil
	case err := <-failed:
		return err
	}
}

// shutDown calls stop with a timeout and logs its error.
func shutDown(log *slog.Logger, what string, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		log.Warn("cannot stop cleanly", "what", what, "error", err)
	}
}
