// Package listen opens the listener of the metrics endpoint, with errors that name a
// remedy.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Metrics listens on a TCP address, <host>:<port>.
func Metrics(ctx context.Context, address string) (net.Listener, error) {
	if address == "" { // package net would listen on a random port of all interfaces
		return nil, errors.New("cannot serve metrics without an address: give one of this host as <host>:<port>")
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(address)
		hint := ""
		if port == "2112" {
			hint = " (perhaps Coder's own Prometheus endpoint, whose default port this is)"
		}
		return nil, fmt.Errorf("cannot serve metrics on %s: another process listens there%s; choose another address", address, hint)
	case err != nil:
		return nil, fmt.Errorf("cannot serve metrics on %q: give an address of this host as <host>:<port>: %w", address, err)
	}
	return listener, nil
}
