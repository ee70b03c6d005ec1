package exporters

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// callLimit is how long a scrape waits for the host's gatherers or callbacks: half of
// Prometheus's default scrape timeout.
const callLimit = 5 * time.Second

// shared guards a function that calls code of the host, which may hang, panic or end its
// goroutine. Concurrent callers share a call, which has its own goroutine: a function
// that hangs blocks no other goroutine, and is not called again. Late results are
// dropped.
type shared[T any] struct {
	name   string // in errors
	ctx    context.Context
	f      func(context.Context) T // the context ends after callLimit, or with ctx
	report func(error)             // reports a failed call to each caller

	mu      sync.Mutex
	current *call[T] // in progress, or nil
}

// call is a call of the function.
type call[T any] struct {
	begun time.Time
	done  chan struct{} // closed when value and err are set
	value T             // shared by the callers
	err   error
}

// get returns the result of the call in progress, or else of a new one. It returns
// false if the call fails, or if either context ends first.
func (s *shared[T]) get(ctx context.Context) (value T, ok bool) {
	s.mu.Lock()
	c := s.current
	if c == nil {
		if s.ctx.Err() != nil {
			s.mu.Unlock()
			return value, false
		}
		c = &call[T]{begun: time.Now(), done: make(chan struct{})}
		s.current = c
		go s.run(c)
	}
	s.mu.Unlock()
	timer := time.NewTimer(callLimit - time.Since(c.begun))
	defer timer.Stop()
	select {
	case <-c.done:
		if c.err == nil {
			return c.value, true
		}
		s.report(c.err)
	case <-timer.C:
		s.report(s.late())
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return value, false
}

func (s *shared[T]) late() error {
	return fmt.Errorf("%s has not returned within %v", s.name, callLimit)
}

func (s *shared[T]) run(c *call[T]) {
	ctx, cancel := context.WithTimeout(s.ctx, callLimit)
	c.err = fmt.Errorf("%s has ended its goroutine", s.name) // unless f returns
	defer func() {
		cancel()
		s.mu.Lock()
		s.current = nil
		s.mu.Unlock()
		close(c.done)
	}()
	c.err = try(func() error {
		c.value = s.f(ctx)
		return nil
	})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.err = s.late()
	}
}

// wait waits for the end of the call in progress.
func (s *shared[T]) wait(ctx context.Context) error {
	s.mu.Lock()
	c := s.current
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s has not returned: %w", s.name, ctx.Err())
	}
}
