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
BenchmarkScrape/series=10/by=otelcoder/state=changed-2   10   200 ns/op   70000 live-heap-B
BenchmarkRender/series=10/by=otelcoder-2   1   4 allocs/op
BenchmarkScrape/series=10/by=otelcoder/state=changed-2   10   5 slowest-scrape-ns
BenchmarkScrape/series=10/by=otelcoder/state=unchanged-2   10   2000000 ns/op
BenchmarkScrape/series=10/by=peer/state=unchanged-2   10   1000 ns/op
BenchmarkRender/series=20/by=peer-2   1   31.5 allocs/op
PASS
`
	const want = `
Scrape, ns/op:

| series | state     | otelcoder | peer           |
| ------ | --------- | --------- | -------------- |
| 10     | changed   | 200 ns    | 500 ns (0.40)  |
| 10     | unchanged | 2.00 ms   | 1.00 µs (2000) |

Scrape, live-heap-B:

| series | state   | otelcoder |
| ------ | ------- | --------- |
| 10     | changed | 70.0 kB   |

Scrape, slowest-scrape-ns:

| series | state   | otelcoder |
| ------ | ------- | --------- |
| 10     | changed | 5.00 ns   |

Render, allocs/op:

| series | otelcoder | peer |
| ------ | --------- | ---- |
| 10     | 4.00      | -    |
| 20     | -         | 31.5 |
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
