package render

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"
)

const (
	// pause is the least time between two renderings of a change. State is
	// collected every minute or so and agents report all the time: what changes
	// more often than this is shown this often.
	pause = 5 * time.Second
	// keep is how long a format is rendered on after it was last asked for. It
	// is longer than any scrape interval in use.
	keep = 10 * time.Minute
)

// Cache holds the renderings of one part, one for each format F that is asked
// for. They are made by one goroutine, [Cache.Run].
type Cache[F comparable] struct {
	gather func() iter.Seq[func(io.Writer, F)]
	wake   chan struct{} // holds a token when there may be work
	ended  chan struct{} // closed when nothing is rendered any more

	mu      sync.Mutex
	entries map[F]*entry
	due     time.Time // when what gather finds changes, or has changed since last; zero: never
	last    time.Time // when all formats were rendered last
}

type entry struct {
	rendering Rendering
	has       Encodings     // what rendering holds
	wanted    Encodings     // what was asked for
	rendered  chan struct{} // closed by the next rendering
	asked     time.Time
}

// NewCache returns a Cache of what gather finds. Gather is called once for a
// change, never twice at a time. Each function that it returns writes a piece,
// and is called once a format before it is asked for the next.
func NewCache[F comparable](gather func() iter.Seq[func(io.Writer, F)]) *Cache[F] {
	return &Cache[F]{
		gather:  gather,
		wake:    make(chan struct{}, 1),
		ended:   make(chan struct{}),
		entries: make(map[F]*entry),
	}
}

// Changed announces that gather finds something else from the given time on. It
// does not block.
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

// ErrEnded says that a rendering is not there and will not be made any more.
var ErrEnded = errors.New("the renderer has ended")

// Get returns the newest rendering in a format. It waits only for the first one
// in the format and encoding, until ctx ends. The error is then ctx's, or
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
		if e.has.has(encoding) {
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

// Bytes returns how much memory the renderings in a format take.
func (c *Cache[F]) Bytes(format F) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[format]; e != nil {
		return e.rendering.Bytes()
	}
	return 0
}

// Run renders until ctx ends. It is called once.
func (c *Cache[F]) Run(ctx context.Context) {
	defer close(c.ended)
	for ctx.Err() == nil {
		work, next := c.pending(time.Now())
		if len(work) > 0 {
			c.render(ctx, work)
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

// pending returns what is to be rendered now: every format if a change is due,
// else those that somebody waits for. If that is nothing, it is to be asked
// again after next. What nobody asks for any more is dropped.
func (c *Cache[F]) pending(now time.Time) (work map[F]Encodings, next time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) == 0 {
		return nil, keep // the first scrape finds what there is then
	}
	next = keep
	due := false
	if !c.due.IsZero() {
		next = max(c.due.Sub(now), pause-now.Sub(c.last))
		due = next <= 0
	}
	if due {
		c.due, c.last = time.Time{}, now // gather announces when it changes next
		next = keep
	}
	work = make(map[F]Encodings)
	for format, e := range c.entries {
		idle := now.Sub(e.asked)
		if idle >= keep {
			delete(c.entries, format)
			continue
		}
		next = min(next, keep-idle)
		if due || e.wanted != e.has {
			work[format] = e.wanted
		}
	}
	return work, next
}

func (c *Cache[F]) render(ctx context.Context, work map[F]Encodings) {
	builders := make(map[F]*builder)
	for format, encodings := range work {
		c.mu.Lock()
		like := c.entries[format].rendering
		c.mu.Unlock()
		builders[format] = newBuilder(encodings, like)
	}
	for write := range c.gather() {
		for format, b := range builders {
			write(b, format)
		}
		if ctx.Err() != nil {
			return // nobody who ends the program waits for a large rendering
		}
	}
	for format, b := range builders {
		r := b.end()
		c.mu.Lock()
		e := c.entries[format]
		e.rendering, e.has = r, work[format]
		close(e.rendered)
		e.rendered = make(chan struct{})
		c.mu.Unlock()
	}
}
