package main

import (
	"errors"
	"log/slog"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// The groups of flags in --help.
const (
	groupDatabase   = "Database"
	groupPrometheus = "Prometheus endpoint"
	groupPush       = "Push"
	groupProcess    = "Process"
)

// databaseOptions are what the server and the check read, and how.
type databaseOptions struct {
	url               string
	collectAgentStats bool
	withoutParameters bool
	inactivityTimeout time.Duration
	derpRegions       map[int]string
}

func (o *databaseOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Category: groupDatabase,
			Name:     "postgres-url",
			// Not validated here: the library would quote it.
			Usage:       "`URL` of the deployment's database, postgres://user:password@host:port/database; best given by the variable, since other users of this host see the flags of a process",
			Sources:     variable("CODER_PG_CONNECTION_URL"),
			Destination: &o.url,
		},
		&cli.BoolFlag{
			Category:    groupDatabase,
			Name:        "prometheus-collect-agent-stats",
			Usage:       "collect what agents tell of themselves: their statistics, startup scripts, executed scripts (Coder's own default is false)",
			Sources:     variable("CODER_PROMETHEUS_COLLECT_AGENT_STATS"),
			Value:       true,
			Destination: &o.collectAgentStats,
		},
		&cli.BoolFlag{
			Category:    groupDatabase,
			Name:        "without-parameters",
			Usage:       "leave out coderd_insights_parameters, whose labels hold text that users typed",
			Sources:     variable("OTELCODER_WITHOUT_PARAMETERS"),
			Destination: &o.withoutParameters,
		},
		&cli.DurationFlag{
			Category:    groupDatabase,
			Name:        "agent-inactivity-timeout",
			Usage:       "`TIME` without a heartbeat after which an agent counts as disconnected",
			Sources:     variable("OTELCODER_AGENT_INACTIVITY_TIMEOUT"),
			Value:       30 * time.Second,
			Validator:   atLeast(time.Second),
			Destination: &o.inactivityTimeout,
		},
		&cli.StringFlag{
			Category:  groupDatabase,
			Name:      "derp-regions",
			Usage:     "`ID=NAME,...` of the relay (DERP) regions, which are not in the database; one without a name is \"Unnamed ID\"",
			Sources:   variable("OTELCODER_DERP_REGIONS"),
			Validator: func(list string) (err error) { o.derpRegions, err = parseRegions(list); return err },
		},
	}
}

var errNoURL = errors.New("no database: give its URL by CODER_PG_CONNECTION_URL or --postgres-url")

// options are those of [coderdb.Open].
func (o *databaseOptions) options(log *slog.Logger) ([]coderdb.Option, error) {
	if o.url == "" {
		return nil, errNoURL
	}
	options := []coderdb.Option{
		coderdb.WithLogger(log),
		coderdb.WithInactivityTimeout(o.inactivityTimeout),
		coderdb.WithRegionNames(o.derpRegions),
	}
	if o.withoutParameters {
		options = append(options, coderdb.WithoutParameters())
	}
	if !o.collectAgentStats {
		options = append(options, coderdb.WithoutAgentStats())
	}
	return options, nil
}
