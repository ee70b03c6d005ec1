package render

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/internal/clock"
)

const (
	// pause is the minimum time between two renderings of changes. Most state changes
	// once a minute, but agents report continuously.
	pause = 5 * time.Second
	// keep is how long a format is rendered after its last scrape. It exceeds
	// practical scrape intervals.
	keep = 10 * time.Minute
)

// Cache holds the renderings of a set of families, one for each format F in use. A
// single goroutine, [Cache.Run], renders.
type Cache[F comparable] struct {
	render    Renderer[F]
	suspended func(since time.Time) time.Duration // [clock.Suspended]
	wake      chan struct{}                       // wakes Run
	ended     chan struct{}                       // closed when Run has returned

	mu      sync.Mutex
	entries map[F]*entry
	due     time.Time // time of the next change, or the first since last; zero without a change
	last    time.Time // start of the last rendering of all formats
}

type entry struct {
	rendering Rendering
	begun     time.Time     // start of the rendering
	wanted    Encodings     // the requested encodings
	rendered  chan struct{} // closed after the next rendering
	asked     time.Time     // time of the last Get
}

// Renderer renders the current families with the builder of each format. It returns
// early when ctx ends; the renderings are then discarded.
type Renderer[F comparable] func(ctx context.Context, builders map[F]*Builder)

// NewCache returns a Cache that calls render, one call at a time.
func NewCache[F comparable](render Renderer[F]) *Cache[F] {
	return &Cache[F]{
		render:    render,
		suspended: clock.Suspended,
		wake:      make(chan struct{}, 1),
		ended:     make(chan struct{}),
		entries:   make(map[F]*entry),
	}
}

// Changed announces that the families change at the given time. It does not block.
func (c *Cache[F]) Changed(from time.Time) {
	c.mu.Lock()
	if c.due.IsZero() || from.Before(c.due) {
		c.due = from
	}
	c.mu.Unlock()
	c.work()
}

func (c *Cache[F]) work() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// ErrEnded is returned by [Cache.Get] without a rendering after [Cache.Run] has
// returned.
var ErrEnded = errors.New("the renderer has ended")

// Get returns the newest rendering in a format. If none has the encoding, or the
// machine was suspended since, it waits for the next one. It fails with ctx's error or
// [ErrEnded].
func (c *Cache[F]) Get(ctx context.Context, format F, encoding Encoding) (Rendering, error) {
	for {
		c.mu.Lock()
		e := c.entries[format]
		if e == nil {
			e = &entry{rendered: make(chan struct{})}
			c.entries[format] = e
		}
		e.asked = time.Now()
		if e.rendering.encodings.has(encoding) && !c.outdated(e) {
			defer c.mu.Unlock()
			return e.rendering, nil
		}
		e.wanted |= Of(encoding)
		rendered := e.rendered
		c.mu.Unlock()

		c.work()
		select {
		case <-rendered:
		case <-c.ended:
			return Rendering{}, ErrEnded
		case <-ctx.Done():
			return Rendering{}, ctx.Err()
		}
	}
}

// outdated reports whether the machine was suspended since the start of the rendering.
// Timers are then late, and expired series would be shown. Suspensions up to pause are
// ignored: a rendering may be that old, and clock adjustments are smaller.
func (c *Cache[F]) outdated(e *entry) bool { return c.suspended(e.begun) > pause }

// InUse reports whether the families are rendered when they change.
func (c *Cache[F]) InUse() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.rendering.encodings != 0 {
			return true
		}
	}
	return false
}

// Peek returns the newest rendering in a format, if any, without counting as a scrape.
func (c *Cache[F]) Peek(format F) (Rendering, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[format]
	if e == nil || e.rendering.encodings == 0 || c.outdated(e) {
		return Rendering{}, false
	}
	return e.rendering, true
}

// Bytes returns the memory of the rendering in a format.
func (c *Cache[F]) Bytes(format F) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[format]; e != nil {
		return e.rendering.Bytes()
	}
	return 0
}

// Run renders until ctx ends. It must be called once.
func (c *Cache[F]) Run(ctx context.Context) {
	defer close(c.ended)
	for ctx.Err() == nil {
		builders, next := c.pending()
		if len(builders) > 0 {
			c.renderNow(ctx, builders)
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// pending returns builders for the formats to render now: all formats if a change is
// due, otherwise formats with waiting scrapes. If it returns no builders, call it again
// after next. It drops formats without recent scrapes.
func (c *Cache[F]) pending() (builders map[F]*Builder, next time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next = keep
	if len(c.entries) == 0 {
		return nil, next // the first scrape triggers a rendering
	}
	due := false
	if !c.due.IsZero() {
		next = max(-clock.Since(c.due), pause-clock.Since(c.last))
		due = next <= 0
	}
	if due {
		c.due, c.last = time.Time{}, time.Now() // the rendering announces the next expiry
		next = keep
	}
	builders = make(map[F]*Builder)
	for format, e := range c.entries {
		idle := clock.Since(e.asked)
		if idle >= keep {
			delete(c.entries, format)
			continue
		}
		next = min(next, keep-idle)
		if due || e.wanted != e.rendering.encodings || c.outdated(e) {
			builders[format] = NewBuilder(e.wanted, e.rendering)
		}
	}
	return builders, next
}

func (c *Cache[F]) renderNow(ctx context.Context, builders map[F]*Builder) {
	begun := time.Now()
	c.render(ctx, builders)
	for format, b := range builders {
		r := b.End()
		if ctx.Err() != nil {
			continue
		}
		c.mu.Lock()
		e := c.entries[format]
		e.rendering, e.begun = r, begun
		close(e.rendered)
		e.rendered = make(chan struct{})
		c.mu.Unlock()
	}
}
