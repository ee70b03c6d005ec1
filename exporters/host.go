package exporters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/internal/pace"
)

// host serves the families of [WithGatherer].
type host struct {
	exporter  *Exporter
	gatherers []prometheus.Gatherer
	reserved  reserved
	paced     *slog.Logger
	calls     *shared[vetted]

	mu          sync.Mutex
	lastProblem string // the last logged problem; empty if all metrics were served
}

func newHost(e *Exporter, gatherers []prometheus.Gatherer, r reserved) *host {
	h := &host{
		exporter: e, gatherers: gatherers, reserved: r,
		paced: slog.New(pace.Handler(e.logger.Handler())),
	}
	h.calls = &shared[vetted]{name: "the gatherer", ctx: e.calls, f: h.read, report: func(err error) { h.report(err, vetted{}) }}
	return h
}

// read calls the gatherers.
func (h *host) read(ctx context.Context) vetted {
	var families []*dto.MetricFamily
	var errs []error
	for _, gatherer := range h.gatherers {
		// Like promhttp with ContinueOnError, keep families returned with an error.
		errs = append(errs, try(func() error {
			gathered, err := gatherer.Gather()
			families = append(families, gathered...)
			return brief(err)
		}))
	}
	err := errors.Join(errs...)
	v := h.reserved.vet(families, h.exporter.names.has)
	if ctx.Err() == nil { // otherwise the scrapes have reported it
		h.report(err, v)
	}
	return v
}

// gather returns the host's families. It returns no families if ctx ends or after
// callLimit.
func (h *host) gather(ctx context.Context) vetted {
	v, _ := h.calls.get(ctx)
	return v
}

// report counts a gathering with errors, and logs it if the previous gathering had
// other errors or no error.
func (h *host) report(err error, v vetted) {
	var problem string
	if err != nil {
		problem = "error"
	}
	if len(v.conflicts) > 0 {
		problem += fmt.Sprint(v.conflicts)
		err = errors.Join(err, conflictError(v.conflicts))
	}
	if v.omitted.n > 0 {
		problem += "omitted"
		err = errors.Join(err, v.omitted.error())
	}
	if err != nil {
		h.exporter.scrapeErrors.Add(1)
	}
	h.mu.Lock()
	changed := problem != h.lastProblem
	h.lastProblem = problem
	h.mu.Unlock()
	switch {
	case !changed:
	case err != nil:
		h.exporter.logger.Warn("metrics of the host's gatherer are left out", "error", err)
	default:
		h.exporter.logger.Info("all metrics of the host's gatherer are served again")
	}
}

// rendering renders the host's families for a scrape. It fails only if ctx ends.
func (h *host) rendering(ctx context.Context, q query) (render.Rendering, error) {
	v := h.gather(ctx).only(q)
	taken := func(name string) bool {
		_, ours := h.reserved[name]
		return ours || v.names[name] || h.exporter.names.has(name)
	}
	if scheme := q.contentType.ToEscapingScheme(); !v.legacy && scheme != model.NoEscaping {
		v = h.reserved.vet(v.escaped(scheme), h.exporter.names.has) // escaped names can collide
	} else {
		v.omitted = omissions{} // gather has reported them
	}
	b := render.NewBuilder(render.Of(q.encoding), render.Rendering{})
	b.Begin("")
	var text bytes.Buffer
	for _, f := range v.families {
		e := encoder{format: q.format, to: b, text: &text, taken: taken}
		if err := try(func() error {
			e.add(f)
			return e.end()
		}); err != nil {
			v.omitted.add(fmt.Errorf("%s: %w", f.GetName(), err))
		}
	}
	b.Commit(0)
	if v.omitted.n > 0 {
		h.exporter.scrapeErrors.Add(1)
		h.paced.Warn("metrics of the host's gatherer are left out of an answer", "error", v.omitted.error())
	}
	return b.End(), ctx.Err()
}
