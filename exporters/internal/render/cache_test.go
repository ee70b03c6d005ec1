package render

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source renders its value. It counts its gatherings and renderings.
type source struct {
	value     atomic.Int64
	gathered  atomic.Int64
	written   atomic.Int64
	rendering time.Duration // duration of a rendering
	resumed   atomic.Int64  // end of a suspension of one hour in Unix nanoseconds, or 0
}

func (s *source) suspended(since time.Time) time.Duration {
	if since.UnixNano() < s.resumed.Load() {
		return time.Hour
	}
	return 0
}

func (s *source) render(_ context.Context, builders map[string]*Builder) {
	s.gathered.Add(1)
	value := s.value.Load()
	for format, b := range builders {
		b.Begin("a")
		fmt.Fprintf(b, "%s ", format)
		b.Commit(0)
		b.Begin("b")
		time.Sleep(s.rendering)
		s.written.Add(1)
		fmt.Fprintf(b, "%d\n", value)
		b.Commit(0)
	}
}

// run starts a cache of s in a synctest bubble.
func run(t *testing.T, s *source, test func(t *testing.T, c *Cache[string])) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := NewCache(s.render)
		c.suspended = s.suspended
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		test(t, c)
		cancel()
		running.Wait()
	})
}

func get(t *testing.T, c *Cache[string], format string, encoding Encoding) string {
	t.Helper()
	r, err := c.Get(t.Context(), format, encoding)
	if err != nil {
		t.Fatal(err)
	}
	if encoding == Gzip {
		return fmt.Sprintf("%d deflated", r.deflated)
	}
	var b bytes.Buffer
	Write(&b, encoding, r)
	return b.String()
}

func TestUnchangedStateIsRenderedOnce(t *testing.T) {
	s := &source{rendering: time.Second}
	run(t, s, func(t *testing.T, c *Cache[string]) {
		begin := time.Now()
		for range 100 {
			if got := get(t, c, "text", Plain); got != "text 0\n" {
				t.Fatalf("got %q, want %q", got, "text 0\n")
			}
		}
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("a hundred scrapes waited %v, want 1s for the first rendering", waited)
		}
		if got := s.written.Load(); got != 1 {
			t.Errorf("rendered %d times, want once", got)
		}
	})
}

func TestWhatExpiresIsRenderedAnew(t *testing.T) {
	s := new(source)
	run(t, s, func(t *testing.T, c *Cache[string]) {
		get(t, c, "text", Plain)
		c.Changed(time.Now().Add(time.Hour))
		c.Changed(time.Now().Add(2 * time.Minute))
		s.value.Store(1)
		time.Sleep(2*time.Minute - time.Nanosecond)
		synctest.Wait()
		if got := get(t, c, "text", Plain); got != "text 0\n" {
			t.Errorf("before the series expires: got %q, want value 0", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := get(t, c, "text", Plain); got != "text 1\n" {
			t.Errorf("after the series has expired: got %q, want value 1", got)
		}
		time.Sleep(3 * time.Hour)
		if got := s.written.Load(); got != 2 {
			t.Errorf("rendered %d times, want twice", got)
		}
	})
}

func TestNothingIsWaitedForOnceTheRendererHasEnded(t *testing.T) {
	c := NewCache(new(source).render)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	get(t, c, "text", Plain)
	cancel()
	running.Wait()
	if _, err := c.Get(t.Context(), "openmetrics", Plain); err != ErrEnded {
		t.Errorf("error %v, want ErrEnded", err)
	}
	if got := get(t, c, "text", Plain); got != "text 0\n" {
		t.Errorf("format that was rendered before: got %q, want value 0", got)
	}
}

func TestScrapesAtOnceShareTheFirstRendering(t *testing.T) {
	s := &source{rendering: time.Second}
	run(t, s, func(t *testing.T, c *Cache[string]) {
		var scrapes sync.WaitGroup
		for range 10 {
			scrapes.Go(func() { get(t, c, "text", Plain) })
		}
		scrapes.Wait()
		if got := s.written.Load(); got != 1 {
			t.Errorf("rendered %d times, want once", got)
		}
	})
}

func TestAChangeIsRenderedOffTheScrapePath(t *testing.T) {
	s := &source{rendering: time.Second}
	run(t, s, func(t *testing.T, c *Cache[string]) {
		get(t, c, "text", Plain)
		time.Sleep(pause)
		s.value.Store(1)
		c.Changed(time.Now())
		synctest.Wait() // until the rendering has started

		begin := time.Now()
		if got := get(t, c, "text", Plain); got != "text 0\n" {
			t.Errorf("during the rendering: got %q, want the previous value 0", got)
		}
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("the scrape waited %v, want 0s", waited)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := get(t, c, "text", Plain); got != "text 1\n" {
			t.Errorf("after the rendering: got %q, want value 1", got)
		}
	})
}

func TestManyChangesAreRenderedAtMostEveryFiveSeconds(t *testing.T) {
	s := new(source)
	run(t, s, func(t *testing.T, c *Cache[string]) {
		get(t, c, "text", Plain)
		time.Sleep(pause)
		first := s.written.Load()
		for range 599 { // ten changes a second for almost a minute
			s.value.Add(1)
			c.Changed(time.Now())
			time.Sleep(100 * time.Millisecond)
		}
		if got := s.written.Load() - first; got != 12 {
			t.Errorf("rendered %d times in a minute, want 12", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := get(t, c, "text", Plain); got != "text 599\n" {
			t.Errorf("got %q, want the last value 599", got)
		}
	})
}

func TestFormatsAreRenderedAsTheyAreAskedFor(t *testing.T) {
	s := new(source)
	run(t, s, func(t *testing.T, c *Cache[string]) {
		get(t, c, "text", Plain)
		get(t, c, "text", Gzip)
		if got := get(t, c, "openmetrics", Plain); got != "openmetrics 0\n" {
			t.Errorf("got %q, want %q", got, "openmetrics 0\n")
		}
		if got := s.written.Load(); got != 3 {
			t.Errorf("rendered %d times, want 3", got)
		}
		time.Sleep(pause)
		before := s.gathered.Load()
		c.Changed(time.Now())
		synctest.Wait()
		if got := s.gathered.Load() - before; got != 1 {
			t.Errorf("gathered %d times for one change and two formats, want once", got)
		}
		if got := s.written.Load(); got != 5 {
			t.Errorf("rendered %d times, want 5", got)
		}
	})
}

func TestAFormatThatNobodyAsksForIsDropped(t *testing.T) {
	s := new(source)
	run(t, s, func(t *testing.T, c *Cache[string]) {
		get(t, c, "text", Plain)
		get(t, c, "protobuf", Plain)
		for range 11 {
			time.Sleep(time.Minute)
			get(t, c, "text", Plain)
		}
		synctest.Wait()
		if got := c.Bytes("protobuf"); got != 0 {
			t.Errorf("%d bytes are kept of a format that was not requested for 11 minutes, want 0", got)
		}
		if c.Bytes("text") == 0 {
			t.Error("the format in use was dropped")
		}
		time.Sleep(pause)
		before := s.written.Load()
		c.Changed(time.Now())
		synctest.Wait()
		if got := s.written.Load() - before; got != 1 {
			t.Errorf("%d formats were rendered for a change, want 1", got)
		}
		if got := get(t, c, "protobuf", Plain); got != "protobuf 0\n" {
			t.Errorf("format requested again: got %q, want value 0", got)
		}
	})
}

func TestAChangeThatNobodyWatchesCostsNothing(t *testing.T) {
	s := new(source)
	run(t, s, func(t *testing.T, c *Cache[string]) {
		for range 10 {
			c.Changed(time.Now())
			time.Sleep(time.Minute)
		}
		if got := s.gathered.Load(); got != 0 {
			t.Errorf("gathered %d times without a scrape, want 0", got)
		}
		s.value.Store(7)
		c.Changed(time.Now())
		if got := get(t, c, "text", Plain); got != "text 7\n" {
			t.Errorf("first scrape: got %q, want value 7", got)
		}
	})
}

func TestAScraperThatGivesUpIsLetGo(t *testing.T) {
	s := &source{rendering: time.Hour}
	run(t, s, func(t *testing.T, c *Cache[string]) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Get(ctx, "text", Plain); err != context.DeadlineExceeded {
			t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// TestAScrapeAfterASuspensionWaitsForANewRendering checks that series that have expired
// during a suspension of the machine, while timers stop, are not served when it resumes.
func TestAScrapeAfterASuspensionWaitsForANewRendering(t *testing.T) {
	s := &source{rendering: time.Second}
	run(t, s, func(t *testing.T, c *Cache[string]) {
		get(t, c, "text", Plain)
		c.Changed(time.Now().Add(time.Hour)) // the timer is late
		time.Sleep(time.Minute)
		s.value.Store(1)
		s.resumed.Store(time.Now().UnixNano())
		begun := time.Now()
		if got := get(t, c, "text", Plain); got != "text 1\n" {
			t.Errorf("after a suspension: got %q, want value 1", got)
		}
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("the first scrape waited %v, want 1s for the rendering", waited)
		}
		begun = time.Now()
		for range 100 {
			get(t, c, "text", Plain)
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("later scrapes waited %v, want 0s", waited)
		}
		synctest.Wait()
		if got := s.written.Load(); got != 2 {
			t.Errorf("rendered %d times, want twice", got)
		}
	})
}
