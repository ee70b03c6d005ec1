package exporters

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/status"
)

// Handler returns the endpoint, for a host with its own server. It answers GET and
// HEAD on the documented paths, with or without a trailing slash, and 404 on others, such
// as //metrics. /status shows the
// status page, as / does to browsers. Below another path, mount it with
// [http.StripPrefix], or mount the two other handlers.
func (e *Exporter) Handler() http.Handler { return e.handler }

// MetricsHandler returns a handler that serves the families of groups on any path;
// without groups all families, including those of [WithGatherer]. It answers 404 if a
// group does not exist.
func (e *Exporter) MetricsHandler(groups ...instrument.Group) http.Handler {
	for _, of := range groups {
		if !slices.Contains(slices.Collect(instrument.Groups()), of) {
			return http.NotFoundHandler()
		}
	}
	return e.metrics(e.selection(groups...))
}

// StatusHandler returns a handler that serves the status page on any path, or 404 with
// [WithoutStatusPage].
func (e *Exporter) StatusHandler() http.Handler {
	if e.statusPage == nil {
		return http.NotFoundHandler()
	}
	return e.statusPage.handler(e.statusPage.page.Unlinked())
}

// selection holds the groups and the host that a path serves.
type selection struct {
	groups []*group
	host   *host // or nil
}

// selection returns the selection of groups, by default of everything.
func (e *Exporter) selection(groups ...instrument.Group) selection {
	all := selection{[]*group{e.deployment, e.workspaces, e.process}, e.host}
	if len(groups) == 0 {
		return all
	}
	return selection{groups: slices.DeleteFunc(all.groups, func(g *group) bool { return !slices.Contains(groups, g.of) })}
}

// metrics returns the handler of a selection. All handlers share the collectors of
// promhttp, which the first call registers.
func (e *Exporter) metrics(s selection) http.Handler {
	h := e.answer(s)
	if e.runtime != nil {
		h = promhttp.InstrumentMetricHandler(e.runtime, h)
	}
	return getOrHead(h)
}

func (e *Exporter) newHandler() http.Handler {
	mux := http.NewServeMux()
	paths := map[string]selection{
		"/":                   e.selection(),
		"/metrics":            e.selection(),
		"/metrics/deployment": e.selection(instrument.Deployment),
		"/metrics/replica":    e.selection(instrument.Workspaces, instrument.Process),
	}
	if e.host != nil {
		paths["/metrics/host"] = selection{host: e.host}
	}
	for at, s := range paths {
		h := e.metrics(s)
		switch {
		case at != "/":
			mux.Handle(at, h)
			at += "/"
		case e.statusPage != nil:
			h = pageOrMetrics(e.statusPage.handler(e.statusPage.page), h)
		}
		mux.Handle(at+"{$}", h)
	}
	if e.statusPage != nil {
		mux.Handle("/status", e.statusPage.handler(e.statusPage.page))
		mux.HandleFunc("/status/{$}", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "../status") // relative: the handler can be mounted anywhere
			w.WriteHeader(http.StatusMovedPermanently)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isClean(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isClean reports whether the mux serves the path without a redirect. The mux redirects
// to an absolute path, which is outside the endpoint below [http.StripPrefix].
func isClean(p string) bool {
	clean := path.Clean("/" + p)
	return p == clean || clean != "/" && p == clean+"/"
}

// pageOrMetrics serves browsers the page unless the query has name[].
func pageOrMetrics(page, metrics http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !status.IsBrowser(r.Header) || r.URL.Query().Has(nameParameter) {
			metrics.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Vary", "Accept")
		page.ServeHTTP(w, r)
	})
}

func getOrHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "metrics are read with GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answer serves the selected families.
func (e *Exporter) answer(s selection) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		q, err := newQuery(r)
		if err != nil {
			http.Error(w, "no metrics: "+err.Error(), http.StatusBadRequest)
			return
		}
		renderings, lease, err := e.prepare(r.Context(), s, q)
		if err != nil {
			if !errors.Is(err, errShutDown) {
				w.Header().Set("Retry-After", "1")
			}
			http.Error(w, "no metrics: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		header := w.Header()
		header.Set("Content-Type", string(q.contentType))
		header.Set("Vary", "Accept, Accept-Encoding")
		header.Set("Content-Length", strconv.Itoa(render.Size(q.encoding, renderings...)))
		if q.encoding == render.Gzip {
			header.Set("Content-Encoding", "gzip")
		}
		if r.Method == http.MethodHead {
			return
		}
		sent := &countingWriter{Writer: w}
		err = render.Write(leaseWriter{sent, lease}, q.encoding, renderings...)
		if errors.Is(err, errLeaseLost) {
			panic(http.ErrAbortHandler) // shows the client that the answer is incomplete
		}
		// Clients notice other errors. Flush while the lease is valid: otherwise the
		// server sends the end of the answer later.
		http.NewResponseController(w).Flush()
		if e.statusPage != nil && err == nil {
			e.statusPage.recordScrape(r, q, began, sent.bytes)
		}
	})
}

// leaseWriter withholds the last byte of each write until the lease is checked
// again. A process can be suspended while it writes, and on resumption another process
// may serve the same series.
type leaseWriter struct {
	io.Writer
	valid func() bool
}

var errLeaseLost = errors.New("another process has become the reporter")

func (w leaseWriter) Write(p []byte) (int, error) {
	last := max(len(p)-1, 0)
	n, err := w.Writer.Write(p[:last])
	if err != nil {
		return n, err
	}
	if !w.valid() {
		return n, errLeaseLost
	}
	rest, err := w.Writer.Write(p[last:])
	return n + rest, err
}

var (
	errTooManyScrapes = errors.New("too many scrapes at a time, try again in a second")
	errShutDown       = errors.New("the exporter is shut down")
)

// prepare renders the selected families. Valid reports whether the answer may be
// sent: families of the reporter only while this process is the reporter. The number
// of concurrent calls is limited.
func (e *Exporter) prepare(ctx context.Context, s selection, q query) (renderings []render.Rendering, valid func() bool, err error) {
	select {
	case e.preparing <- struct{}{}:
		defer func() { <-e.preparing }()
	default:
		return nil, nil, errTooManyScrapes
	}
	for {
		reports := e.reporter()
		valid = func() bool { return !reports || e.reporter() }
		renderings, err = s.rendered(ctx, reports, q)
		if e.ended.Load() { // the renderings may be incomplete
			return nil, nil, errShutDown
		}
		if err != nil || valid() {
			return renderings, valid, err
		}
	}
}

// rendered returns the renderings of the families selected by the query and the end
// of the format.
func (s selection) rendered(ctx context.Context, reports bool, q query) ([]render.Rendering, error) {
	var renderings []render.Rendering
	for _, g := range s.groups {
		if g.cache != nil && !reports || !q.mayMatch(g.exporter.edition, g.of) {
			continue
		}
		r, err := g.rendering(ctx, q)
		if err != nil {
			return nil, err
		}
		renderings = append(renderings, r)
		if !g.foreign.mayMatch(q) {
			continue
		}
		if r, err = g.foreign.rendering(ctx, q); err != nil {
			return nil, err
		}
		renderings = append(renderings, r)
	}
	if s.host != nil && s.host.reserved.mayMatch(q) {
		r, err := s.host.rendering(ctx, q)
		if err != nil {
			return nil, err
		}
		renderings = append(renderings, r)
	}
	if end := formats[q.format].end; end != "" {
		renderings = append(renderings, render.New(render.Of(q.encoding), func(w io.Writer) { io.WriteString(w, end) }))
	}
	return renderings, nil
}
