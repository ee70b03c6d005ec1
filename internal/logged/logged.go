// Package logged captures the log of a program or of a process for tests.
package logged

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"sync"
)

// Log is a writer that keeps the text written to it. It is safe for concurrent use. Its
// zero value is ready for use.
type Log struct {
	mu       sync.Mutex
	text     bytes.Buffer
	searches []search
}

type search struct {
	pattern *regexp.Regexp
	found   chan []string
}

// Write appends text.
func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(text)
	l.searches = slices.DeleteFunc(l.searches, l.finds)
	return len(text), nil
}

func (l *Log) finds(s search) bool {
	match := s.pattern.FindStringSubmatch(l.text.String())
	if match != nil {
		s.found <- match
	}
	return match != nil
}

// Find returns a channel that receives the first match of a pattern with its groups, as
// soon as the text matches.
func (l *Log) Find(pattern *regexp.Regexp) <-chan []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := search{pattern, make(chan []string, 1)}
	if !l.finds(s) {
		l.searches = append(l.searches, s)
	}
	return s.found
}

// String returns the text.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Take returns and removes the text.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}

// Logger returns a logger that writes to l at level INFO, as text without the time.
func (l *Log) Logger() *slog.Logger { return l.LoggerAt(slog.LevelInfo) }

// LoggerAt returns a logger that writes to l at a level, as text without the time.
func (l *Log) LoggerAt(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
