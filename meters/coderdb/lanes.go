package coderdb

import (
	"context"
	"sync"
	"time"
)

// quickLimit is the longest time that a quick collection takes. A collection that
// exceeds it is canceled and repeated as a slow one, which delays no quick ones.
const quickLimit = 5 * time.Second

// lanes hands out the connections for collections, [maxConnections] of them. Slow
// collections share one, and quick ones may use both. So a quick collection waits at
// most quickLimit for each other quick one, however many are slow.
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
