package exporters_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// TestMaxScrapes checks that a scrape above the limit gets 503 with Retry-After at once, and
// that a scrape below the limit succeeds again.
func TestMaxScrapes(t *testing.T) {
	e := newExporter(t, exporters.WithMaxScrapes(1))
	reached, goOn := make(chan struct{}, 1), make(chan struct{})
	f := instrument.OAuth2Requests
	labels := instrument.Documented.Labels(f, instrument.OAuth2Request{Name: "github", Source: "Exchange", StatusCode: 200})
	registration, err := e.Providers().Observe(func(o instrument.Observer) {
		reached <- struct{}{}
		<-goOn
		o.Observe(f, labels, 1)
	}, f)
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan *http.Response)
	go func() { first <- scrape(t, e, "GET", "/metrics/replica") }()
	<-reached
	refused := scrape(t, e, "GET", "/metrics/replica")
	text, _ := io.ReadAll(refused.Body)
	if refused.StatusCode != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") != "1" ||
		string(text) != "no metrics: too many scrapes at a time, try again in a second\n" {
		t.Errorf("second scrape: %s, Retry-After %q: %s", refused.Status, refused.Header.Get("Retry-After"), text)
	}
	close(goOn)
	if r := <-first; r.StatusCode != http.StatusOK {
		t.Errorf("first scrape: status %s, want 200", r.Status)
	}
	if err := registration.Unregister(); err != nil {
		t.Fatal(err)
	}
	if r := scrape(t, e, "GET", "/metrics/replica"); r.StatusCode != http.StatusOK {
		t.Errorf("scrape after the first: status %s, want 200", r.Status)
	}
}

// slowReader is the response writer of a client that does not read the response.
type slowReader struct {
	*httptest.ResponseRecorder
	reached, goOn chan struct{}
}

func (w slowReader) Write(p []byte) (int, error) {
	select {
	case w.reached <- struct{}{}:
	default:
	}
	<-w.goOn
	return len(p), nil
}

// TestSlowReadersTakeNoRoom checks that a client that reads slowly, or never, does not count
// towards the limit of concurrent scrapes.
func TestSlowReadersTakeNoRoom(t *testing.T) {
	e := newExporter(t, exporters.WithMaxScrapes(1))
	w := slowReader{httptest.NewRecorder(), make(chan struct{}, 1), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	}()
	<-w.reached
	if r := scrape(t, e, "GET", "/metrics"); r.StatusCode != http.StatusOK {
		t.Errorf("another scrape: status %s, want 200", r.Status)
	}
	close(w.goOn)
	<-done
}

// TestLimitsPage checks that docs/limits.md has the default limit of concurrent scrapes.
func TestLimitsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`\n\| concurrent scrapes .*\| (\d+) `).FindSubmatch(page)
	if want := strconv.Itoa(exporters.DefaultMaxScrapes); row == nil || string(row[1]) != want {
		t.Errorf("docs/limits.md: concurrent scrapes %q, want %s", row, want)
	}
}
