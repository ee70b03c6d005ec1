package main

import (
	"slices"

	"github.com/urfave/cli/v3"
)

// serverOptions are the flags of the server.
type serverOptions struct {
	database          databaseOptions
	collection        collectionOptions
	prometheusEnable  bool
	prometheusAddress string
	webConfigFile     string
	otlpEndpoint      string
	healthAddress     string
	log               logOptions
}

func (o *serverOptions) flags() []cli.Flag {
	flags := slices.Concat(o.database.flags(), o.collection.intervalFlags(), []cli.Flag{
		&cli.BoolFlag{
			Category:    groupPrometheus,
			Name:        "prometheus-enable",
			Usage:       "serve metrics on the Prometheus address",
			Sources:     variable("CODER_PROMETHEUS_ENABLE"),
			Destination: &o.prometheusEnable,
		},
		&cli.StringFlag{
			Category:    groupPrometheus,
			Name:        "prometheus-address",
			Usage:       "`HOST:PORT` to serve metrics on",
			Sources:     variable("CODER_PROMETHEUS_ADDRESS"),
			Value:       "127.0.0.1:2112",
			Validator:   validAddress,
			Destination: &o.prometheusAddress,
		},
		&cli.StringFlag{
			Category:    groupPrometheus,
			Name:        "web-config-file",
			Usage:       "`FILE` with TLS, client certificates and passwords for the Prometheus address, in the format of Prometheus's exporters; reread for each request",
			Sources:     variable("OTELCODER_WEB_CONFIG_FILE"),
			Destination: &o.webConfigFile,
		},
		editionFlag(groupPrometheus, &o.database.edition),
		o.collection.aggregateFlag(),
		&cli.StringFlag{
			Category:    groupPush,
			Name:        "otlp-endpoint",
			Usage:       "`URL` of a collector to push metrics to, in place of OTEL_EXPORTER_OTLP_ENDPOINT; OpenTelemetry's variables set protocol, headers, certificates and interval",
			Destination: &o.otlpEndpoint,
		},
		&cli.StringFlag{
			Category:    groupProcess,
			Name:        "health-address",
			Usage:       "`HOST:PORT` to serve /healthz and /readyz on",
			Sources:     variable("OTELCODER_HEALTH_ADDRESS"),
			Value:       "127.0.0.1:2113",
			Validator:   validAddress,
			Destination: &o.healthAddress,
		},
	})
	return append(flags, o.log.flags()...)
}
