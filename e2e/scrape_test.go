package e2e_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/invariant"
)

// What scrapers ask for, and what they are to get.
const (
	acceptText        = "text/plain;version=0.0.4"
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
	acceptProtobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// answer is what an endpoint answers.
type answer struct {
	status int
	header http.Header
	body   []byte // as sent
}

// request asks an endpoint; headers are name, value pairs.
func request(t *testing.T, method, url string, headers ...string) answer {
	t.Helper()
	// A transport that adds no header and decompresses nothing.
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}, Timeout: time.Minute}
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{response.StatusCode, response.Header, body}
}

// text returns the body decompressed. The answer must be of one gzip member:
// curl and zlib stop after the first.
func (a answer) text(t *testing.T) []byte {
	t.Helper()
	switch coding := a.header.Get("Content-Encoding"); coding {
	case "":
		return a.body
	case "gzip":
	default:
		t.Fatalf("content encoding %q", coding)
	}
	// A reader of bytes is read no further than needed.
	compressed := bytes.NewReader(a.body)
	reader, err := gzip.NewReader(compressed)
	if err != nil {
		t.Fatal(err)
	}
	reader.Multistream(false)
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	if compressed.Len() > 0 {
		t.Errorf("%d bytes follow the gzip member", compressed.Len())
	}
	return text
}

// scrape reads an endpoint and checks the answer against what is served.
func scrape(t *testing.T, url, accept string, headers ...string) *invariant.Scrape {
	t.Helper()
	a := request(t, "GET", url, append(headers, "Accept", accept)...)
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: status %d: %s", url, a.status, a.body)
	}
	contentType := a.header.Get("Content-Type")
	// Servers write a space after a semicolon.
	if !strings.HasPrefix(strings.ReplaceAll(contentType, " ", ""), accept) {
		t.Errorf("GET %s: content type %q, asked for %q", url, contentType, accept)
	}
	s, err := invariant.Parse(contentType, a.text(t))
	if err != nil {
		t.Fatalf("GET %s as %s: %v", url, contentType, err)
	}
	if err := s.Check(e2e.Served()); err != nil {
		t.Fatalf("GET %s as %s: %v", url, contentType, err)
	}
	return s
}

// scrapeUntil scrapes as text until a scrape is as wanted, and fails the test
// with what want returned last if that takes longer than limit.
func scrapeUntil(t *testing.T, url string, limit time.Duration, want func(*invariant.Scrape) error) *invariant.Scrape {
	t.Helper()
	var previous *invariant.Scrape
	for deadline := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		s := scrape(t, url, acceptText)
		if previous != nil {
			if err := s.CheckSince(previous, e2e.Served()); err != nil {
				t.Fatal(err)
			}
		}
		err := want(s)
		if err == nil {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s, after %v: %v", url, limit, err)
		}
		previous = s
	}
}

// complete waits until everything that is documented is served.
func complete(t *testing.T, url string) *invariant.Scrape {
	t.Helper()
	return scrapeUntil(t, url, 50*time.Second, func(s *invariant.Scrape) error {
		return s.CheckComplete(e2e.Served())
	})
}
