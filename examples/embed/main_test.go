package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/meters"
)

func TestHello(t *testing.T) {
	exporter, err := exporters.New()
	if err != nil {
		t.Fatal(err)
	}
	m, err := meters.New(exporter.Providers())
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, newAPI(m), "/hello/you"); got != "Hello, you!\n" {
		t.Errorf("got %q, want %q", got, "Hello, you!\n")
	}

	const want = `coderd_api_requests_processed_total{code="200",method="GET",path="/hello/{name}"} 1`
	if scrape := get(t, exporter.Handler(), "/"); !strings.Contains(scrape, want+"\n") {
		t.Errorf("no %s in\n%s", want, scrape)
	}
}

// get requests a path from a server of the handler. It returns after the handler.
func get(t *testing.T, handler http.Handler, path string) string {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	response, err := http.Get(server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
