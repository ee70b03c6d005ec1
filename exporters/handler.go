package exporters

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otelcoder/otelcoder/exporters/internal/render"
	"github.com/otelcoder/otelcoder/internal/status"
)

// Handler returns the endpoint, for a host that serves it on a server of its
// own. It answers GET and HEAD on the documented paths, with or without a slash at
// the end, and on /status with the status page, which / shows to browsers too. It may
// be mounted under any path that ends in a slash, with [http.StripPrefix]. After
// [Exporter.Shutdown] it answers 503.
func (e *Exporter) Handler() http.Handler { return e.handler }

func (e *Exporter) newHandler(runtime prometheus.Registerer) http.Handler {
	mux := http.NewServeMux()
	for path, groups := range map[string][]*group{
		"/":                   {e.deployment, e.workspaces, e.process},
		"/metrics":            {e.deployment, e.workspaces, e.process},
		"/metrics/deployment": {e.deployment},
		"/metrics/replica":    {e.workspaces, e.process},
	} {
		// The collectors are shared: the first call registers them, later calls
		// find them.
		h := getOrHead(promhttp.InstrumentMetricHandler(runtime, e.answer(groups)))
		switch {
		case path != "/":
			mux.Handle(path, h)
			path += "/"
		case e.front != nil:
			h = pageOrMetrics(e.front, h)
		}
		mux.Handle(path+"{$}", h)
	}
	if e.front != nil {
		mux.Handle("/status", e.front)
		mux.HandleFunc("/status/{$}", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "../status") // relative: the handler can be mounted anywhere
			w.WriteHeader(http.StatusMovedPermanently)
		})
	}
	return mux
}

// pageOrMetrics answers browsers with the page.
func pageOrMetrics(page, metrics http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !status.IsBrowser(r.Header) {
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

// answer answers a scrape with the families of groups.
func (e *Exporter) answer(groups []*group) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		f, contentType := negotiate(r.Header)
		encoding := render.Plain
		if acceptsGzip(r.Header) {
			encoding = render.Gzip
		}
		renderings, lease, err := e.prepare(r.Context(), groups, f, encoding)
		if err != nil {
			if !errors.Is(err, errShutDown) {
				w.Header().Set("Retry-After", "1")
			}
			http.Error(w, "no metrics: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		header := w.Header()
		header.Set("Content-Type", string(contentType))
		header.Set("Vary", "Accept, Accept-Encoding")
		header.Set("Content-Length", strconv.Itoa(render.Size(encoding, renderings...)))
		if encoding == render.Gzip {
			header.Set("Content-Encoding", "gzip")
		}
		if r.Method == http.MethodHead {
			return
		}
		sent := &measured{Writer: w}
		err = render.Write(leaseWriter{sent, lease}, encoding, renderings...)
		if errors.Is(err, errLeaseLost) {
			panic(http.ErrAbortHandler) // the client must see that the answer is incomplete
		}
		// The client notices any other error. Flush while the lease is valid: the
		// server would send the end of the answer later.
		http.NewResponseController(w).Flush()
		if e.front != nil && err == nil {
			e.front.scraped(r, f, encoding, began, sent.bytes)
		}
	})
}

// leaseWriter withholds the last byte of each write until the lease is checked
// again: a process can be frozen while it writes, and when it continues, another
// process may serve the same series.
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

// prepare renders the groups, and returns a function that reports whether the
// answer is still valid: with the families of the reporter it is valid only as long
// as this process is the reporter. The number of concurrent calls is limited.
func (e *Exporter) prepare(ctx context.Context, groups []*group, f format, encoding render.Encoding) (renderings []render.Rendering, valid func() bool, err error) {
	select {
	case e.preparing <- struct{}{}:
		defer func() { <-e.preparing }()
	default:
		return nil, nil, errTooManyScrapes
	}
	for {
		reports := e.reporter()
		valid = func() bool { return !reports || e.reporter() }
		renderings, err = rendered(ctx, groups, reports, f, encoding)
		if e.ended.Load() { // the renderings may be incomplete
			return nil, nil, errShutDown
		}
		if err != nil || valid() {
			return renderings, valid, err
		}
	}
}

// rendered returns the renderings of groups, and of the format's end.
func rendered(ctx context.Context, groups []*group, reports bool, f format, encoding render.Encoding) ([]render.Rendering, error) {
	var renderings []render.Rendering
	for _, g := range groups {
		if g.cache != nil && !reports {
			continue
		}
		r, err := g.rendering(ctx, f, encoding)
		if err != nil {
			return nil, err
		}
		renderings = append(renderings, r)
		if !g.foreign.used.Load() {
			continue
		}
		if r, err = g.foreign.rendering(ctx, f, encoding); err != nil {
			return nil, err
		}
		renderings = append(renderings, r)
	}
	if end := formats[f].end; end != "" {
		renderings = append(renderings, render.New(render.Of(encoding), func(w io.Writer) { io.WriteString(w, end) }))
	}
	return renderings, nil
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3). Codings and the name
// of the weight are compared without regard to case; a coding with an invalid weight
// is ignored.
func acceptsGzip(h http.Header) bool {
	for _, line := range h.Values("Accept-Encoding") {
		for element := range strings.SplitSeq(line, ",") {
			// The syntax is that of a media type, whose subtype may be missing.
			coding, parameters, err := mime.ParseMediaType(element)
			if err != nil || coding != "gzip" && coding != "x-gzip" {
				continue
			}
			weight, ok := parameters["q"]
			if !ok {
				return true
			}
			q, err := strconv.ParseFloat(weight, 64)
			return err == nil && q > 0
		}
	}
	return false
}
