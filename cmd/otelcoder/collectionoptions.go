package main

import (
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/meters"
)

// collectionOptions are the flags of server and check for the collection of metrics.
type collectionOptions struct {
	interval         time.Duration
	insightsInterval time.Duration
	aggregateBy      []meters.AgentLabel
}

func (o *collectionOptions) intervalFlags() []cli.Flag {
	defaults := defaultCollection()
	return []cli.Flag{
		&cli.DurationFlag{
			Category:    groupDatabase,
			Name:        "interval",
			Usage:       "`TIME` between collections of the state; after five missed collections the series are withdrawn",
			Sources:     variable("OTELCODER_INTERVAL"),
			Value:       defaults.interval,
			Validator:   validTime,
			Destination: &o.interval,
		},
		&cli.DurationFlag{
			Category:    groupDatabase,
			Name:        "insights-interval",
			Usage:       "`TIME` between collections of the insights, which cover the past five minutes",
			Sources:     variable("OTELCODER_INSIGHTS_INTERVAL"),
			Value:       defaults.insightsInterval,
			Validator:   validTime,
			Destination: &o.insightsInterval,
		},
	}
}

const everyLabel = "agent_name,template_name,username,workspace_name"

func (o *collectionOptions) aggregateFlag() cli.Flag {
	o.aggregateBy, _ = meters.ParseAggregateBy(everyLabel)
	return &cli.StringFlag{
		Category:  groupPrometheus,
		Name:      "prometheus-aggregate-agent-stats-by",
		Usage:     "`LABELS` to keep on agent statistics and executed scripts; series that differ only in the others are aggregated",
		Sources:   variable("CODER_PROMETHEUS_AGGREGATE_AGENT_STATS_BY"),
		Value:     everyLabel,
		Validator: func(list string) (err error) { o.aggregateBy, err = meters.ParseAggregateBy(list); return err },
	}
}

// defaultCollection returns the defaults of the flags.
func defaultCollection() collectionOptions {
	o := collectionOptions{interval: time.Minute, insightsInterval: 5 * time.Minute}
	o.aggregateFlag()
	return o
}

// options returns the options of [meters.New].
func (o *collectionOptions) options() []meters.Option {
	return []meters.Option{
		meters.WithInterval(o.interval),
		meters.WithInsightsInterval(o.insightsInterval),
		meters.WithAggregateBy(o.aggregateBy...),
	}
}
