package exporters

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
)

// Handler returns the endpoint, for a host that serves it on a server of its
// own. It answers GET and HEAD, and no path but the documented ones.
func (e *Exporter) Handler() http.Handler { return e.handler }

func (e *Exporter) newHandler(runtime prometheus.Registerer) http.Handler {
	// Each handler is instrumented on its own and shares the collectors: the
	// first call registers them, later ones find them.
	scrapes := func(groups ...*group) http.Handler {
		return getOrHead(promhttp.InstrumentMetricHandler(runtime, e.answer(groups)))
	}
	all := scrapes(e.deployment, e.workspaces, e.process)
	mux := http.NewServeMux()
	mux.Handle("/{$}", all)
	mux.Handle("/metrics", all)
	mux.Handle("/metrics/deployment", scrapes(e.deployment))
	mux.Handle("/metrics/replica", scrapes(e.workspaces, e.process))
	return mux
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

// answer answers a scrape with the families of groups.
func (e *Exporter) answer(groups []*group) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, contentType := negotiate(r.Header)
		encoding := render.Plain
		if acceptsGzip(r.Header) {
			encoding = render.Gzip
		}
		parts, stands, err := e.prepare(r.Context(), groups, f, encoding)
		if err != nil {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "no metrics: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		header := w.Header()
		header.Set("Content-Type", string(contentType))
		header.Set("Vary", "Accept, Accept-Encoding")
		header.Set("Content-Length", strconv.Itoa(render.Size(encoding, parts...)))
		if encoding == render.Gzip {
			header.Set("Content-Encoding", "gzip")
		}
		if r.Method == http.MethodHead {
			return
		}
		err = render.Write(fence{w, stands}, encoding, parts...)
		if errors.Is(err, errFallen) {
			panic(http.ErrAbortHandler) // the client is to see that the answer is not whole
		}
		// Any other error is the client's to notice. The answer leaves now, while
		// it stands, and not when the server comes to it.
		http.NewResponseController(w).Flush()
	})
}

// fence passes an answer on, of each piece the last byte only if the answer still
// stands: a process can be frozen in the midst of writing, and when it goes on,
// another tells what this one was about to tell.
type fence struct {
	io.Writer
	stands func() bool
}

var errFallen = errors.New("the answer does not stand any more")

func (f fence) Write(p []byte) (int, error) {
	last := max(len(p)-1, 0)
	n, err := f.Writer.Write(p[:last])
	if err != nil {
		return n, err
	}
	if !f.stands() {
		return n, errFallen
	}
	rest, err := f.Writer.Write(p[last:])
	return n + rest, err
}

var errTooManyScrapes = errors.New("too many scrapes at a time, try again in a second")

// prepare returns the parts of an answer, and what tells whether it still stands:
// what only the reporter tells falls with the role. Only so many answers are
// prepared at a time.
func (e *Exporter) prepare(ctx context.Context, groups []*group, f format, encoding render.Encoding) (parts []render.Rendering, stands func() bool, err error) {
	select {
	case e.preparing <- struct{}{}:
		defer func() { <-e.preparing }()
	default:
		return nil, nil, errTooManyScrapes
	}
	for {
		reports := e.reporter()
		stands = func() bool { return !reports || e.reporter() }
		parts, err = rendered(ctx, groups, reports, f, encoding)
		if err != nil || stands() {
			return parts, stands, err
		}
	}
}

// rendered returns the groups' parts of an answer, and its end.
func rendered(ctx context.Context, groups []*group, reports bool, f format, encoding render.Encoding) ([]render.Rendering, error) {
	var parts []render.Rendering
	for _, g := range groups {
		if g.cache != nil && !reports {
			continue
		}
		part, err := g.rendering(ctx, f, encoding)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if end := formats[f].end; end != "" {
		parts = append(parts, render.New(render.Of(encoding), func(w io.Writer) { io.WriteString(w, end) }))
	}
	return parts, nil
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func acceptsGzip(h http.Header) bool {
	for _, line := range h.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q="), 64)
			return err != nil || q > 0
		}
	}
	return false
}
