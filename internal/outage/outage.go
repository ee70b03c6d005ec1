// Package outage logs the failures of something that is retried: one line when an
// outage begins, one when its cause changes, one a minute while it lasts, and one when
// it ends.
package outage

import (
	"log/slog"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/internal/pace"
)

// The limits of the lines about new outages and causes: some errors are never the
// same, since they contain the port of a connection.
const (
	maxLines  = 8  // per minute
	maxCauses = 64 // remembered of an outage
)

// Messages are the messages of the log lines.
type Messages struct {
	Begins string // at level WARN, with the cause as "error"
	Lasts  string // at level WARN, with the duration as "for" and the cause as "error"; "" for no line
	Ends   string // at level INFO; "" for no line
}

// Log logs the outages of one dependency that several parts of a program may share. It
// is safe for concurrent use.
type Log struct {
	logger   *slog.Logger
	messages Messages

	mu      sync.Mutex
	minute  time.Time // when the current minute began
	lines   int       // limited lines in the current minute
	failing map[any]bool
	// Of the current outage:
	began  time.Time
	logged time.Time       // time of its last line; zero without one
	causes map[string]bool // logged causes
}

// New returns a Log that writes to a logger.
func New(logger *slog.Logger, m Messages) *Log {
	return &Log{logger: logger, messages: m, failing: make(map[any]bool), causes: make(map[string]bool)}
}

// Failed records that a part failed, and the cause. It reports whether it logged a
// line: a cause that the outage already has, of any part, is logged at most once a
// minute, with the message Lasts.
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

// Recovered records that a part does not fail any more. The outage ends when no part
// fails.
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
