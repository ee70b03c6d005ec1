package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// listen opens a listener on the address of a flag. Its error names the remedy.
func listen(ctx context.Context, what, address, flag string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("cannot serve %s on %s: another process listens there; choose another %s", what, address, flag)
	case err != nil:
		return nil, fmt.Errorf("cannot serve %s on %q: give an address of this host as <host>:<port> (%s): %w", what, address, flag, err)
	}
	return listener, nil
}

// serveHTTP serves on a listener until ctx ends, and then returns nil. The contexts of
// requests end with ctx, too. It closes the listener.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	<-served
	return nil
}

// newClient returns a client with its own connections.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 10 * time.Second}
}

// warmUp passes a request and a refused websocket to the API, so that each of its
// families has a sample. It returns when both are measured.
func warmUp(ctx context.Context, handler http.Handler) {
	for path, header := range map[string]http.Header{
		"/healthz":                           {},
		"/api/v2/workspaceagents/nobody/pty": {"Connection": {"Upgrade"}, "Upgrade": {"websocket"}},
	} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
		if err != nil {
			panic(err) // the paths are valid
		}
		request.Header = header
		handler.ServeHTTP(unread{}, request)
	}
}

// unread is a [http.ResponseWriter] that discards the response.
type unread http.Header

func (u unread) Header() http.Header            { return http.Header(u) }
func (u unread) Write(body []byte) (int, error) { return len(body), nil }
func (u unread) WriteHeader(int)                {}
