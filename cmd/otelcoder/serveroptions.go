package main

import (
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/meters"
)

// serverOptions are what the server's flags and environment say.
type serverOptions struct {
	database          databaseOptions
	prometheusEnable  bool
	prometheusAddress string
	aggregateBy       []meters.AgentLabel
	interval          time.Duration
	insightsInterval  time.Duration
	webConfigFile     string
	otlpEndpoint      string
	healthAddress     string
	log               logOptions
}

func (o *serverOptions) flags() []cli.Flag {
	o.aggregateBy, _ = meters.ParseAggregateBy(everyLabel)
	flags := append(o.database.flags(),
		&cli.DurationFlag{
			Category:    groupDatabase,
			Name:        "interval",
			Usage:       "`TIME` between two collections of the state; series are withdrawn after five missed ones",
			Sources:     variable("OTELCODER_INTERVAL"),
			Value:       time.Minute,
			Validator:   atLeast(time.Second),
			Destination: &o.interval,
		},
		&cli.DurationFlag{
			Category:    groupDatabase,
			Name:        "insights-interval",
			Usage:       "`TIME` between two collections of the insights, which are about the past five minutes",
			Sources:     variable("OTELCODER_INSIGHTS_INTERVAL"),
			Value:       5 * time.Minute,
			Validator:   atLeast(time.Second),
			Destination: &o.insightsInterval,
		},
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
			Usage:       "`FILE` that has TLS, client certificates and passwords of the Prometheus address, in the format of Prometheus's exporters; read again for every connection",
			Sources:     variable("OTELCODER_WEB_CONFIG_FILE"),
			Destination: &o.webConfigFile,
		},
		&cli.StringFlag{
			Category:  groupPrometheus,
			Name:      "prometheus-aggregate-agent-stats-by",
			Usage:     "`LABELS` by which agent statistics and executed scripts are told apart; the others are left out",
			Sources:   variable("CODER_PROMETHEUS_AGGREGATE_AGENT_STATS_BY"),
			Value:     everyLabel,
			Validator: func(list string) (err error) { o.aggregateBy, err = meters.ParseAggregateBy(list); return err },
		},
		&cli.StringFlag{
			Category:    groupPush,
			Name:        "otlp-endpoint",
			Usage:       "`URL` of a collector to push metrics to, if not that of OTEL_EXPORTER_OTLP_ENDPOINT; OpenTelemetry's variables set protocol, headers, certificates and interval",
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
		})
	return append(flags, o.log.flags()...)
}

const everyLabel = "agent_name,template_name,username,workspace_name"
