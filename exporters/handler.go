package exporters

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler returns the endpoint, for a host that serves it on a server of its
// own. It answers GET and HEAD, and no path but the documented ones.
func (e *Exporter) Handler() http.Handler { return e.handler }

func (e *Exporter) newHandler(deployment, replica prometheus.Gatherer, runtime prometheus.Registerer) http.Handler {
	// Each handler is instrumented on its own and shares the collectors: the
	// first call registers them, later ones find them.
	scrapes := func(g prometheus.Gatherer) http.Handler {
		return getOrHead(promhttp.InstrumentMetricHandler(runtime, e.scrapeHandler(g)))
	}
	all := scrapes(concat{deployment, replica})
	mux := http.NewServeMux()
	mux.Handle("/{$}", all)
	mux.Handle("/metrics", all)
	mux.Handle("/metrics/deployment", scrapes(deployment))
	mux.Handle("/metrics/replica", scrapes(replica))
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

// scrapeHandler answers with the families of a gatherer.
func (e *Exporter) scrapeHandler(gatherer prometheus.Gatherer) http.Handler {
	// A scrape of a large deployment is tens of megabytes: its buffer is used
	// again.
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := buffers.Get().(*bytes.Buffer)
		body.Reset()
		defer buffers.Put(body)

		format, contentType := negotiate(r.Header)
		e.render(body, format, contentType, gatherer)

		header := w.Header()
		header.Set("Content-Type", string(contentType))
		header.Set("Vary", "Accept, Accept-Encoding")
		if !acceptsGzip(r.Header) {
			header.Set("Content-Length", strconv.Itoa(body.Len()))
			w.Write(body.Bytes()) // an error is the client's to notice
			return
		}
		header.Set("Content-Encoding", "gzip")
		if r.Method == http.MethodHead {
			return
		}
		compressor := compressors.Get().(*gzip.Writer)
		defer compressors.Put(compressor)
		compressor.Reset(w)
		compressor.Write(body.Bytes())
		compressor.Close()
	})
}

// compressors are used again because each holds about a megabyte of state. Text
// this repetitive does not compress much better at a slower level.
var compressors = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a valid constant
	}
	return w
}}

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
