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

// Formats of a scrape, as Accept and Content-Type headers.
const (
	acceptText        = "text/plain;version=0.0.4"
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
	acceptProtobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// answer is the response of an endpoint.
type answer struct {
	status int
	header http.Header
	body   []byte // as sent
}

// request makes a request to an endpoint. Headers are pairs of name and value.
func request(t *testing.T, method, url string, headers ...string) answer {
	t.Helper()
	// This transport adds no headers and decompresses nothing.
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

// text returns the decompressed body. A gzipped body must consist of one gzip
// member, because curl and zlib stop after the first.
func (a answer) text(t *testing.T) []byte {
	t.Helper()
	switch coding := a.header.Get("Content-Encoding"); coding {
	case "":
		return a.body
	case "gzip":
	default:
		t.Fatalf("content encoding %q", coding)
	}
	// gzip reads a bytes.Reader no further than needed.
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
		t.Errorf("got %d bytes after the gzip member, want 0", compressed.Len())
	}
	return text
}

// scrape reads an endpoint and checks the response against the served families.
func scrape(t *testing.T, url, accept string, headers ...string) *invariant.Scrape {
	t.Helper()
	a := request(t, "GET", url, append(headers, "Accept", accept)...)
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: status %d: %s", url, a.status, a.body)
	}
	contentType := a.header.Get("Content-Type")
	// Servers write a space after a semicolon.
	if !strings.HasPrefix(strings.ReplaceAll(contentType, " ", ""), accept) {
		t.Errorf("GET %s: got content type %q, want %q", url, contentType, accept)
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

// scrapeUntil scrapes as text until want returns nil for a scrape. It fails the
// test with the last error of want after the limit.
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
			t.Fatalf("%s: not as wanted within %v: %v", url, limit, err)
		}
		previous = s
	}
}

// complete waits until an endpoint serves every expected family.
func complete(t *testing.T, url string) *invariant.Scrape {
	t.Helper()
	return scrapeUntil(t, url, 50*time.Second, func(s *invariant.Scrape) error {
		return s.CheckComplete(e2e.Served())
	})
}
