package exporters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/internal/pace"
)

// gatherLimit is how long a scrape waits for the host's gatherer: half of
// Prometheus's default scrape timeout.
const gatherLimit = 5 * time.Second

// host serves the families of [WithGatherer]. Gather takes no context, so a single
// goroutine calls it: a gatherer that hangs blocks no other goroutine.
type host struct {
	exporter *Exporter
	gatherer prometheus.Gatherer
	reserved reserved
	paced    *slog.Logger

	ctx    context.Context // of run
	stop   context.CancelFunc
	wanted chan *gathering // requests to run

	mu          sync.Mutex
	current     *gathering // in progress, or nil
	lastProblem string     // the last logged problem; empty if all metrics were served
}

// gathering is a call of Gather, shared by concurrent scrapes.
type gathering struct {
	begun time.Time
	done  chan struct{} // closed when vetted is set
	vetted
}

func newHost(e *Exporter, gatherer prometheus.Gatherer, r reserved) *host {
	h := &host{
		exporter: e, gatherer: gatherer, reserved: r,
		paced:  slog.New(pace.Handler(e.logger.Handler())),
		wanted: make(chan *gathering, 1),
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

// run calls the gatherer on request until stop is called.
func (h *host) run() {
	for {
		select {
		case <-h.ctx.Done():
			return
		case g := <-h.wanted:
			var families []*dto.MetricFamily
			// Like promhttp with ContinueOnError, keep families returned with an
			// error.
			err := try(func() (err error) {
				families, err = h.gatherer.Gather()
				return err
			})
			g.vetted = h.reserved.vet(families, h.exporter.names.has)
			if time.Since(g.begun) < gatherLimit { // otherwise the scrapes have reported it
				h.report(err, g.vetted)
			}
			h.mu.Lock()
			h.current = nil
			h.mu.Unlock()
			close(g.done)
		}
	}
}

// gather returns the host's families. It returns no families if ctx ends or after
// gatherLimit.
func (h *host) gather(ctx context.Context) vetted {
	h.mu.Lock()
	g := h.current
	if g == nil {
		g = &gathering{begun: time.Now(), done: make(chan struct{})}
		h.current = g
		h.wanted <- g // does not block: no other gathering is in progress
	}
	h.mu.Unlock()
	timer := time.NewTimer(gatherLimit - time.Since(g.begun))
	defer timer.Stop()
	select {
	case <-g.done:
		return g.vetted
	case <-timer.C:
		h.report(fmt.Errorf("the gatherer has not returned within %v", gatherLimit), vetted{})
	case <-ctx.Done():
	case <-h.ctx.Done():
	}
	return vetted{}
}

// report counts a gathering with errors, and logs it if the previous gathering had
// other errors or no error.
func (h *host) report(err error, v vetted) {
	var problem string
	if err != nil {
		problem, err = "error", brief(err)
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
	taken := func(name string) bool { return catalogued(name) || v.has(name) || h.exporter.names.has(name) }
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
