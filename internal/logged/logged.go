// Package logged is what tests share that look into what is logged, by a part of
// a program or by a process.
package logged

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"sync"
)

// Log is a writer that keeps what is written to it; it can be read meanwhile. Its
// zero value is ready.
type Log struct {
	mu     sync.Mutex
	text   bytes.Buffer
	sought []search
}

type search struct {
	pattern *regexp.Regexp
	found   chan []string
}

// Write keeps text.
func (l *Log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(text)
	l.sought = slices.DeleteFunc(l.sought, l.finds)
	return len(text), nil
}

func (l *Log) finds(s search) bool {
	match := s.pattern.FindStringSubmatch(l.text.String())
	if match != nil {
		s.found <- match
	}
	return match != nil
}

// Find returns a channel that gets the first match of a pattern and those of its
// groups, once there is one.
func (l *Log) Find(pattern *regexp.Regexp) <-chan []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := search{pattern, make(chan []string, 1)}
	if !l.finds(s) {
		l.sought = append(l.sought, s)
	}
	return s.found
}

// String returns what has been written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Take returns what has been written since it was last called.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}

// Logger logs into l from level INFO on, as text without the time.
func (l *Log) Logger() *slog.Logger { return l.LoggerAt(slog.LevelInfo) }

// LoggerAt logs into l from a level on, as text without the time.
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
