// Package pace limits log lines that outsiders can cause to one a minute.
package pace

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Every is the shortest time between two lines.
const Every = time.Minute

// Pace counts events until the next line may be logged. Its zero value is ready for use.
type Pace struct {
	pending atomic.Int64
	next    atomic.Int64 // earliest time of the next line, in Unix nanoseconds
}

// Add adds n events. If a line may be logged now, it returns the number of events since
// the last line, else 0.
func (p *Pace) Add(n int) int64 {
	p.pending.Add(int64(n))
	now := time.Now().UnixNano()
	next := p.next.Load()
	if now < next || !p.next.CompareAndSwap(next, now+int64(Every)) {
		return 0
	}
	return p.pending.Swap(0)
}

// Handler returns a handler that passes at most one warning or error each minute to h.
// The others are dropped; the next line has their number as the attribute "more". It is
// for libraries that log a line for every request.
func Handler(h slog.Handler) slog.Handler { return paced{h, new(Pace)} }

type paced struct {
	slog.Handler
	pace *Pace
}

func (p paced) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		n := p.pace.Add(1)
		if n == 0 {
			return nil
		}
		if n > 1 {
			r = r.Clone()
			r.AddAttrs(slog.Int64("more", n-1))
		}
	}
	return p.Handler.Handle(ctx, r)
}

func (p paced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return paced{p.Handler.WithAttrs(attrs), p.pace}
}
func (p paced) WithGroup(name string) slog.Handler { return paced{p.Handler.WithGroup(name), p.pace} }
