package otlp

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/instrument/health"
)

// outage logs the first accepted push of a signal, and the start and the end of
// failures. It reports the health of the push.
type outage struct {
	logger *slog.Logger
	signal string

	mu       sync.Mutex
	accepted bool         // a push was accepted
	begun    bool         // a failure is logged, its end is not
	failing  map[any]bool // exporters whose last push failed

	health health.Push // Problem is nil if no exporter fails
}

func (t *target) outage(logger *slog.Logger, signal string) *outage {
	return &outage{
		logger: logger.With("endpoint", t.endpoint), signal: signal, failing: make(map[any]bool),
		health: health.Push{Endpoint: t.endpoint},
	}
}

// failed records a failed push.
func (o *outage) failed(exporter any, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failing[exporter] = true
	since := time.Now()
	if o.health.Problem != nil {
		since = o.health.Problem.Since
	}
	o.health.Failures++
	o.health.Problem = &health.Problem{
		Error: err.Error(), Since: since, Runbook: "OtelcoderPushFailing",
		Remedy: "Check that the receiver runs at this endpoint and accepts the push. The next push makes up for those that failed.",
	}
	if !o.begun {
		o.begun = true
		o.logger.Warn(o.signal+" are not pushed", "error", err)
	}
}

// succeeded records an accepted push.
func (o *outage) succeeded(exporter any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.failing, exporter)
	o.health.Successes++
	o.health.LastSuccess = time.Now()
	o.recovered()
	switch {
	case len(o.failing) > 0:
		return
	case o.begun:
		o.logger.Info(o.signal + " are pushed again")
	case !o.accepted:
		o.logger.Info(o.signal + " are pushed: the receiver has accepted the first")
	}
	o.accepted, o.begun = true, false
}

// idle records that an exporter has nothing to push. It no longer counts as failing.
func (o *outage) idle(exporter any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.failing, exporter)
	o.recovered()
}

// recovered clears the problem if no exporter fails.
func (o *outage) recovered() {
	if len(o.failing) == 0 {
		o.health.Problem = nil
	}
}

// report reports the health of the push.
func (o *outage) report(to *health.Report) {
	o.mu.Lock()
	defer o.mu.Unlock()
	push := o.health
	to.Push = &push
}

// brief truncates the text of an error: exporters quote the whole answer of the
// receiver, which can have megabytes.
func brief(err error) error {
	const enough = 300
	text := err.Error()
	if len(text) > enough {
		text = text[:enough] + "..."
	}
	return errors.New(strings.ToValidUTF8(text, "\uFFFD"))
}
