package otlp

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
)

// outage logs when a signal's pushes begin to fail, and when none fails any more.
type outage struct {
	logger *slog.Logger
	signal string

	mu      sync.Mutex
	failing map[any]bool // exporters whose newest push failed
}

func (t *target) outage(logger *slog.Logger, signal string) *outage {
	return &outage{logger: logger.With("endpoint", t.endpoint), signal: signal, failing: make(map[any]bool)}
}

// set notes how the newest push of an exporter went.
func (o *outage) set(exporter any, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := len(o.failing)
	if err != nil {
		o.failing[exporter] = true
	} else {
		delete(o.failing, exporter)
	}
	switch after := len(o.failing); {
	case before == 0 && after > 0:
		o.logger.Warn(o.signal+" are not pushed", "error", err)
	case before > 0 && after == 0:
		o.logger.Info(o.signal + " are pushed again")
	}
}

// brief returns the beginning of an error's text: exporters quote a receiver's
// whole answer, megabytes of it.
func brief(err error) error {
	const enough = 300
	text := err.Error()
	if len(text) > enough {
		text = text[:enough] + "..."
	}
	return errors.New(strings.ToValidUTF8(text, "\uFFFD"))
}
