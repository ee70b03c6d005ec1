// Package pace keeps what is logged of outsiders' doings to a line a minute.
package pace

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Every is the least time between two lines.
const Every = time.Minute

// Pace counts what there is to tell of until a line may be logged again. Its zero
// value is ready.
type Pace struct {
	pending atomic.Int64
	quiet   atomic.Int64 // until when there is no other line, Unix nanoseconds
}

// Add adds n things to tell of. It returns how many there are since the last
// line, if it is time for one, else 0.
func (p *Pace) Add(n int) int64 {
	p.pending.Add(int64(n))
	now := time.Now().UnixNano()
	until := p.quiet.Load()
	if now < until || !p.quiet.CompareAndSwap(until, now+int64(Every)) {
		return 0
	}
	return p.pending.Swap(0)
}

// Handler returns h with warnings and errors at this pace: those in between are
// left out, and counted in the next one as "more". It is for logs of libraries
// that have a line for every request.
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
