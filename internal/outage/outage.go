// Package outage logs the times during which something fails that is tried again
// and again: one line when it begins, one when its cause changes, one a minute
// while it lasts, and one when it is over.
package outage

import (
	"log/slog"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/internal/pace"
)

// The limits of the lines that an outage begins or that its cause changes: some
// errors never repeat, for they hold the port of a connection.
const (
	maxLines  = 8  // a minute
	maxCauses = 64 // that are remembered
)

// Messages are the messages of the lines.
type Messages struct {
	Begins string // at level WARN, with the cause as "error"
	Lasts  string // at level WARN, with the time as "for" and the cause as "error"; "" for no such line
	Ends   string // at level INFO; "" for no such line
}

// Log logs the outages of one thing, on which several parts of a program may
// depend. It may be used by several goroutines.
type Log struct {
	logger   *slog.Logger
	messages Messages

	mu      sync.Mutex
	minute  time.Time // when the current minute began
	lines   int       // in the current minute, of those that are limited
	failing map[any]bool
	// Of the current outage:
	began  time.Time
	logged time.Time       // when its last line was; zero if it has none
	causes map[string]bool // that were logged
}

// New returns a Log that writes to a logger.
func New(logger *slog.Logger, m Messages) *Log {
	return &Log{logger: logger, messages: m, failing: make(map[any]bool), causes: make(map[string]bool)}
}

// Failed notes that a part failed, and its cause. It reports whether a line was
// logged: a cause that this outage already has, of any part, is not news.
func (l *Log) Failed(part any, cause string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.minute) >= pace.Every {
		l.minute, l.lines = now, 0
	}
	if len(l.failing) == 0 {
		l.began, l.logged = now, time.Time{}
		clear(l.causes)
	}
	l.failing[part] = true

	if l.causes[cause] {
		if l.messages.Lasts == "" || now.Sub(l.logged) < pace.Every {
			return false
		}
		l.logged = now
		l.logger.Warn(l.messages.Lasts, "for", now.Sub(l.began).Round(time.Second), "error", cause)
		return true
	}
	if l.lines >= maxLines {
		return false
	}
	if len(l.causes) >= maxCauses {
		clear(l.causes)
	}
	l.causes[cause] = true
	l.lines++
	l.logged = now
	l.logger.Warn(l.messages.Begins, "error", cause)
	return true
}

// Recovered notes that a part does not fail. The outage is over when none does.
func (l *Log) Recovered(part any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.failing[part] {
		return
	}
	delete(l.failing, part)
	if len(l.failing) == 0 && !l.logged.IsZero() && l.messages.Ends != "" {
		l.logger.Info(l.messages.Ends)
	}
}
