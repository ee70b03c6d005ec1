package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// listenHealth opens the listener of the health endpoint. Its error names the remedy.
func listenHealth(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("cannot serve health on %s: another process listens there; choose another address (--health-address)", address)
	case err != nil:
		return nil, fmt.Errorf("cannot serve health on %q: give an address of this host as <host>:<port> (--health-address): %w", address, err)
	}
	return listener, nil
}

// serveHealth answers /healthz and /readyz with 200 until ctx ends. The process is
// healthy and ready even if the database is unavailable: a restart would not help, and
// a scrape still reports the problem. It closes the listener.
func serveHealth(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	for _, path := range []string{"/healthz", "/readyz"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	}
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve health on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	server.Close()
	<-served
	return nil
}
