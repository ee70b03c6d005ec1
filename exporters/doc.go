// Package exporters serves metrics: it creates the meter providers with their views
// and readers, and answers scrapes.
//
//	exporter, err := exporters.New()
//	m, err := meters.New(exporter.Providers())   // recorders and sources
//	err = exporter.ListenAndServe(ctx, "127.0.0.1:2112")
//
// An [Exporter] holds the meter providers, read by the OpenTelemetry Prometheus
// exporter, and the Go, process and scrape-handler collectors of client_golang,
// reduced to the documented families. Its endpoint serves the families of the
// catalogue, those of the host if [WithGatherer] is given, and the instruments that the
// host creates on the providers, unless [WithoutForeignInstruments] refuses them:
//
//	/                    every family
//	/metrics             every family
//	/metrics/deployment  the families that all replicas share
//	/metrics/replica     the families of this process
//	/metrics/host        the families of the host
//
// as Prometheus text, OpenMetrics or protobuf, plain or gzipped, as the scraper
// negotiates. The query parameter name[] selects families by name, as in package
// promhttp. Families that can have many series are rendered ahead, each when it
// has changed and at most every five seconds: a scrape copies them. The other
// families are rendered for each scrape. Errors and panics while families are
// collected or rendered leave out the affected series. They are counted in
// otelcoder_scrape_errors_total and never fail the scrape.
package exporters
