package exporters_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/exporters"
)

// FuzzScrapeHeaders checks that a scrape with any headers gets a complete response in one of
// the formats, and that a compressed response has a Content-Encoding.
func FuzzScrapeHeaders(f *testing.F) {
	for _, accept := range []string{
		"", "*/*", "text/plain;version=0.0.4;q=0.3",
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.8,text/plain;version=0.0.4;q=0.5",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
		"text/plain;q=NaN", "text/plain;escaping=\xff", ";;;,,,", strings.Repeat("a/b,", 500),
	} {
		f.Add(accept, "gzip")
	}
	for _, encoding := range []string{"", "gzip;q=0", "gzip;q=-1", "GZIP ; q=1e9", "br, gzip;q=0.001", "*", "gzip;q=\x00", "identity;q=0"} {
		f.Add("text/plain", encoding)
	}
	e, err := exporters.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Shutdown(context.Background()) })
	f.Fuzz(func(t *testing.T, accept, encoding string) {
		r := httptest.NewRequest("GET", "/metrics/replica", nil)
		r.Header = http.Header{"Accept": {accept}, "Accept-Encoding": {encoding}}
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("status %d, want 200", w.Code)
		}
		contentType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		var format string
		switch contentType {
		case "text/plain", "application/openmetrics-text", "application/vnd.google.protobuf":
			format = contentType
		default:
			t.Errorf("content type %q is none of the formats", contentType)
		}
		body := io.Reader(bytes.NewReader(w.Body.Bytes()))
		if w.Header().Get("Content-Encoding") == "gzip" {
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil || !bytes.Contains(text, []byte("otelcoder_build_info")) {
			t.Errorf("body of %d bytes lacks otelcoder_build_info, or error %v", len(text), err)
		}
		if bytes.HasSuffix(text, []byte("# EOF\n")) != (format == "application/openmetrics-text") {
			t.Errorf("%s ends in %q", format, text[max(0, len(text)-20):])
		}
	})
}
