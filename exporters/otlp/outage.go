package otlp

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/otelcoder/otelcoder/instrument/health"
)

// outage logs the first push of a signal that is accepted, the first that fails,
// and when none fails any more.
type outage struct {
	logger *slog.Logger
	signal string

	mu       sync.Mutex
	accepted bool         // a push has been
	begun    bool         // the log says that pushes fail
	failing  map[any]bool // exporters whose newest push failed

	health health.Push // its problem is that of an exporter that fails
}

func (t *target) outage(logger *slog.Logger, signal string) *outage {
	return &outage{
		logger: logger.With("endpoint", t.endpoint), signal: signal, failing: make(map[any]bool),
		health: health.Push{Endpoint: t.endpoint},
	}
}

// failed notes that a push of an exporter failed.
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

// succeeded notes that a push of an exporter was accepted.
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

// idle notes that an exporter has nothing to push. Whether the receiver accepts
// pushes is for the other exporters to find out.
func (o *outage) idle(exporter any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.failing, exporter)
	o.recovered()
}

// recovered drops the problem if no exporter fails.
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
