// Package bench compares otelcoder with what others measure and serve metrics
// with. `make bench` runs its benchmarks and prints their ratios.
//
// BenchmarkMiddleware is about what a middleware adds to a request. It alternates
// between the bare handler and the measured one, so that whatever else the
// machine does slows both down, and reports the difference as added-ns/op.
//
// BenchmarkScrape, BenchmarkScrapers, BenchmarkEverything and BenchmarkMemory are
// about a scrape of a deployment: per workspace 20 series of the twelve
// families that Coder serves of it.
//
// cpu-ns is the time on a CPU, of all of the process: it depends less than ns on
// what else the machine does.
//
// TestAllocations compares what the hot paths allocate with testdata/allocations.tsv.
// No test depends on a time.
package bench
