// Command host is a program with its own metrics: it has a Prometheus registry, an
// OpenTelemetry meter provider and a mux. The lines between "otelcoder:" and "end" serve and
// push Coder's families beside them.
//
//	go run ./examples/host
//	curl -X POST http://127.0.0.1:3000/workspaces/dev/start
//	curl http://127.0.0.1:3000/metrics
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	// otelcoder:
	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
	// end
)

func main() {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	address := "127.0.0.1:3000"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(ctx, address, prometheus.NewRegistry()); err != nil {
		slog.Error("the host ends", "error", err)
		os.Exit(1)
	}
}

// run serves the program until ctx ends.
func run(ctx context.Context, address string, registry *prometheus.Registry) error {
	registry.MustRegister(collectors.NewGoCollector())
	signIns := promauto.With(registry).NewCounter(prometheus.CounterOpts{Name: "host_sign_ins_total", Help: "Users signed in."})
	reader, err := otelprom.New(otelprom.WithRegisterer(registry))
	if err != nil {
		return err
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	defer shutDown(provider.Shutdown)
	starts, err := provider.Meter("example.com/host").Int64Counter("host.workspace.starts")
	if err != nil {
		return err
	}
	var metrics http.Handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	// otelcoder:
	push, err := otlp.New(ctx)
	if err != nil {
		return err
	}
	exporter, err := exporters.New(exporters.WithGatherer(registry), push.Metrics())
	if err != nil {
		return err
	}
	m, err := meters.New(exporter.Providers())
	if err != nil {
		return err
	}
	defer shutDown(m.Shutdown)
	defer shutDown(exporter.Shutdown) // first, with a last push
	metrics = exporter.MetricsHandler()
	// end

	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("POST /sign-in", func(http.ResponseWriter, *http.Request) { signIns.Inc() })
	mux.HandleFunc("POST /workspaces/{name}/start", func(w http.ResponseWriter, r *http.Request) {
		starts.Add(r.Context(), 1)
		// otelcoder:
		build := m.Builds().Start(meters.Build{Action: meters.BuildStart, WorkspaceName: r.PathValue("name")})
		defer build.End(meters.Succeeded)
		// end
		fmt.Fprintf(w, "%s is started\n", r.PathValue("name"))
	})
	var handler http.Handler = mux
	// otelcoder:
	handler = httpmw.New(m.API())(mux)
	// end

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	slog.Info("ready", "url", "http://"+listener.Addr().String()+"/")
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// shutDown stops a part of the program within ten seconds.
func shutDown(stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		slog.Warn("shut down", "error", err)
	}
}
