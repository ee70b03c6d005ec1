package exporters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/otelcoder/otelcoder/internal/listen"
	"github.com/otelcoder/otelcoder/internal/pace"
)

// ListenAndServe serves the endpoint on a TCP address until ctx ends; it then returns
// nil. [Exporter.Shutdown] does not end it.
func (e *Exporter) ListenAndServe(ctx context.Context, address string) error {
	listener, err := listen.Metrics(ctx, address)
	if err != nil {
		return err
	}
	return e.Serve(ctx, listener)
}

// Serve serves the endpoint on a listener, which it closes, until ctx ends; it then
// returns nil. [Exporter.Shutdown] does not end it.
func (e *Exporter) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           e.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute, // tens of megabytes to a scraper far away
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		// Scrapes that wait for a rendering get 503 when ctx ends.
		BaseContext: func(net.Listener) context.Context { return ctx },
		// The handler also answers "OPTIONS *", with 404.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(pace.Handler(e.logger.Handler()), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- e.serve(listener, server) }()
	select {
	case err := <-served:
		if err == nil {
			err = errors.New("the function of WithServe has returned")
		}
		return fmt.Errorf("serve metrics on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	// Wait for answers in progress.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	<-served
	return nil
}
