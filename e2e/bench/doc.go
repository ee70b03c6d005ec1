// Package bench compares otelcoder with other ways to measure requests and to serve
// metrics. `make bench` runs its benchmarks and prints the ratios.
//
// BenchmarkMiddleware measures the time that a middleware adds to a request. The bare and
// the measured handler alternate, so that other load of the machine slows both down, and
// added-ns/op is the difference.
//
// BenchmarkScrape, BenchmarkScrapers, BenchmarkEverything and BenchmarkMemory measure
// scrapes of a deployment, which has 20 series of twelve families for each workspace.
//
// cpu-ns/op is the CPU time of the whole process, which depends less than ns/op on other
// load.
//
// TestAllocations compares the allocations of the hot paths with
// testdata/allocations.tsv. No test asserts a time.
package bench
