package main

import (
	"io"
	"strings"
	"testing"
)

func TestRatios(t *testing.T) {
	const input = `goos: linux
BenchmarkScrape/series=10/by=peer/state=changed-2   10   300 ns/op   0 allocs/op
BenchmarkScrape/series=10/by=peer/state=changed-2   10   900 ns/op   0 allocs/op
BenchmarkScrape/series=10/by=peer/state=changed-2   10   500 ns/op   0 allocs/op
BenchmarkScrape/series=10/by=otelcoder/state=changed-2   10   200 ns/op   7 live-heap-B
BenchmarkRender/series=10/by=otelcoder-2   1   4 ns/op
BenchmarkScrape/series=10/by=otelcoder/state=changed-2   10   5 slowest-scrape-ns
PASS
`
	const want = `
Scrape series=10 state=changed
  ns/op              peer 500 (x2.5)  otelcoder 200
  live-heap-B        otelcoder 7
  slowest-scrape-ns  otelcoder 5

Render series=10
  ns/op  otelcoder 4
`
	var got strings.Builder
	if err := run(strings.NewReader(input), &got, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestNothingToRead(t *testing.T) {
	if err := run(strings.NewReader("FAIL\n"), io.Discard, io.Discard); err == nil {
		t.Error("no error")
	}
}
