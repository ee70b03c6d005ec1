// Package exporters serves what is measured: it puts meter providers, views and
// readers together and answers scrapes.
//
//	exporter, err := exporters.New()
//	api, err := meters.NewAPI(exporter.Providers())   // and other recorders
//	err = exporter.ListenAndServe(ctx, "127.0.0.1:2112")
//
// An [Exporter] holds the meter providers, read by
// the OpenTelemetry Prometheus exporter, and the Go, process and scrape-handler
// collectors of client_golang, trimmed to the documented families. Its endpoint
// serves exactly the families of the catalogue:
//
//	/                    every family
//	/metrics             every family
//	/metrics/deployment  the families that all replicas share
//	/metrics/replica     the families of this process
//
// as Prometheus text, OpenMetrics or protobuf, plain or gzipped, as the scraper
// negotiates. Families that can have many series are rendered ahead, when they
// have changed and at most every five seconds: a scrape copies them. The rest is
// rendered for each scrape. An error while a family is gathered or rendered leaves out what
// it affects, is counted in otelcoder_scrape_errors_total, and never fails the
// scrape.
package exporters
