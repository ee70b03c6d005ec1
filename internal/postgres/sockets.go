package postgres

import (
	"context"
	"net"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// Sockets is a set of open network connections that can be closed while the driver
// waits for the server: when the driver closes a connection, it waits up to 15 seconds
// for a frozen server.
type Sockets struct {
	mu     sync.Mutex
	open   map[*socket]struct{}
	closed bool
}

type socket struct {
	net.Conn
	of *Sockets
}

// NewSockets returns an empty set.
func NewSockets() *Sockets { return &Sockets{open: make(map[*socket]struct{})} }

// Dial wraps a dialer so that its connections are added to the set.
func (s *Sockets) Dial(next pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		kept := &socket{conn, s}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed {
			conn.Close()
			return nil, net.ErrClosed
		}
		s.open[kept] = struct{}{}
		return kept, nil
	}
}

// Close closes all connections, and those that are dialed later.
func (s *Sockets) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.open {
		c.Conn.Close()
	}
}

// Close implements [net.Conn].
func (s *socket) Close() error {
	s.of.mu.Lock()
	delete(s.of.open, s)
	s.of.mu.Unlock()
	return s.Conn.Close()
}
