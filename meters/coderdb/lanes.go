package coderdb

import (
	"context"
	"sync"
	"time"
)

// quickLimit is the time after which a collection is slow. It is cut and asked
// again where it keeps no quick one waiting.
const quickLimit = 5 * time.Second

// lanes hand out the connections for collections, as many as [maxConnections].
// Slow collections wait for one of them, and quick ones for either. So a quick
// collection waits for quickLimit at most for each other one, however many are
// slow.
type lanes struct {
	open, quick chan struct{} // each holds a token while its connection is free

	mu   sync.Mutex
	slow map[string]bool
}

func newLanes() *lanes {
	l := &lanes{open: make(chan struct{}, 1), quick: make(chan struct{}, 1), slow: make(map[string]bool)}
	l.open <- struct{}{}
	l.quick <- struct{}{}
	return l
}

// enter waits for a connection, in the order of the calls.
func (l *lanes) enter(ctx context.Context, slow bool) (leave func(), err error) {
	quick := l.quick
	if slow {
		quick = nil
	}
	select {
	case token := <-quick:
		return func() { l.quick <- token }, nil
	case token := <-l.open:
		return func() { l.open <- token }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isSlow reports whether a collection was slow the last time.
func (l *lanes) isSlow(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slow[what]
}

func (l *lanes) mark(what string, slow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slow[what] = slow
}
