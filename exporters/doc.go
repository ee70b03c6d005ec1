// Package exporters serves metrics: it creates the meter providers with their views
// and readers, and answers scrapes.
//
//	exporter, err := exporters.New()
//	m, err := meters.New(exporter.Providers())   // recorders and sources
//	err = exporter.ListenAndServe(ctx, "127.0.0.1:2112")
//
// The endpoint serves the families of the catalogue, with the Go, process and
// scrape-handler metrics of client_golang, the metrics of [WithGatherer], and the
// instruments that the host creates on the providers:
//
//	/, /metrics          all families
//	/metrics/deployment  families that all replicas share
//	/metrics/replica     families of this process
//	/metrics/host        families of the host
//
// as Prometheus text, OpenMetrics or protobuf, plain or gzipped, as the scraper
// negotiates. The query parameter name[] selects families, as in package promhttp.
// Families that can have many series are rendered in the background when they
// change, at most every five seconds; the others are rendered for each scrape. Errors
// and panics leave out the affected series and are counted in
// otelcoder_scrape_errors_total; they never fail a scrape.
package exporters
