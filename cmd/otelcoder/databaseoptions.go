package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// The groups of flags in --help.
const (
	groupDatabase   = "Database"
	groupPrometheus = "Prometheus endpoint"
	groupPush       = "Push"
	groupProcess    = "Process"
)

// databaseOptions are the flags of server and check for the database.
type databaseOptions struct {
	url, urlFile      string
	reporterURL       string // empty: the URL of the database
	collectAgentStats bool
	withoutParameters bool
	inactivityTimeout time.Duration
	edition           instrument.Edition
	prebuildsLimit    int
	derpRegions       map[int]string
}

// defaultDatabase returns the defaults of the flags, as package coderdb has them.
func defaultDatabase() databaseOptions {
	return databaseOptions{collectAgentStats: true, inactivityTimeout: 30 * time.Second, prebuildsLimit: 3}
}

// flags returns the flags of the database. The flag of the edition is in another group.
func (o *databaseOptions) flags() []cli.Flag {
	defaults := defaultDatabase()
	return []cli.Flag{
		&cli.StringFlag{
			Category: groupDatabase,
			Name:     "postgres-url",
			// Not validated here: the library would quote it.
			Usage:       "`URL` of the deployment's database, postgres://user:password@host:port/database; prefer the variable, since other users of this host can see the flags of a process",
			Sources:     variable("CODER_PG_CONNECTION_URL"),
			Destination: &o.url,
		},
		&cli.StringFlag{
			Category:    groupDatabase,
			Name:        "postgres-url-file",
			Usage:       "`FILE` with the URL, for a password that rotates: it is read for each connection, and SIGHUP makes the server reconnect",
			Sources:     variable("OTELCODER_POSTGRES_URL_FILE"),
			Destination: &o.urlFile,
		},
		&cli.StringFlag{
			Category:    groupDatabase,
			Name:        "postgres-reporter-url",
			Usage:       "`URL` of the primary, on which the processes elect the reporter; needed if the deployment is read from a standby or through a pooler in transaction mode",
			Sources:     variable("OTELCODER_POSTGRES_REPORTER_URL"),
			Destination: &o.reporterURL,
		},
		&cli.BoolFlag{
			Category:    groupDatabase,
			Name:        "prometheus-collect-agent-stats",
			Usage:       "collect the metrics that agents report: statistics, startup scripts, executed scripts (Coder's own default is false)",
			Sources:     variable("CODER_PROMETHEUS_COLLECT_AGENT_STATS"),
			Value:       defaults.collectAgentStats,
			Destination: &o.collectAgentStats,
		},
		&cli.BoolFlag{
			Category:    groupDatabase,
			Name:        "without-parameters",
			Usage:       "leave out coderd_insights_parameters, whose labels contain text entered by users",
			Sources:     variable("OTELCODER_WITHOUT_PARAMETERS"),
			Destination: &o.withoutParameters,
		},
		&cli.DurationFlag{
			Category:    groupDatabase,
			Name:        "agent-inactivity-timeout",
			Usage:       "`TIME` without a heartbeat after which an agent counts as disconnected",
			Sources:     variable("OTELCODER_AGENT_INACTIVITY_TIMEOUT"),
			Value:       defaults.inactivityTimeout,
			Validator:   validTime,
			Destination: &o.inactivityTimeout,
		},
		&cli.IntFlag{
			Category:    groupDatabase,
			Name:        "workspace-prebuilds-failure-hard-limit",
			Usage:       "`NUMBER` of failed prebuilt workspaces after which Coder builds no more of a preset, 0 for no limit; give Coder's value, which is not in the database",
			Sources:     variable("CODER_WORKSPACE_PREBUILDS_FAILURE_HARD_LIMIT"),
			Value:       defaults.prebuildsLimit,
			Validator:   validLimit,
			Destination: &o.prebuildsLimit,
		},
		&cli.StringFlag{
			Category:  groupDatabase,
			Name:      "derp-regions",
			Usage:     "`ID=NAME,...` of the relay (DERP) regions, which are not in the database; a region without a name is \"Unnamed ID\"",
			Sources:   variable("OTELCODER_DERP_REGIONS"),
			Validator: func(list string) (err error) { o.derpRegions, err = parseRegions(list); return err },
		},
	}
}

var (
	errNoURL   = errors.New("no URL of the database: set CODER_PG_CONNECTION_URL, --postgres-url or --postgres-url-file")
	errTwoURLs = errors.New("the URL of the database is given twice: use --postgres-url (CODER_PG_CONNECTION_URL) " +
		"or --postgres-url-file (OTELCODER_POSTGRES_URL_FILE)")
)

// maxURL is the size in bytes at which a file of a URL is cut off.
const maxURL = 64 << 10

// readURL returns the URL in the file. Errors do not quote it.
func (o *databaseOptions) readURL(context.Context) (string, error) {
	file, err := os.Open(o.urlFile)
	if err != nil {
		return "", fileError(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxURL))
	if err != nil {
		return "", err
	}
	url := strings.TrimSpace(string(text))
	if url == "" {
		return "", fmt.Errorf("%s is empty", o.urlFile)
	}
	return url, nil
}

// options returns the URL of the database, and the options of package coderdb. The
// file of the URL is read again for each connection.
func (o *databaseOptions) options(ctx context.Context, log *slog.Logger) (url string, options []coderdb.Option, err error) {
	url = strings.TrimSpace(o.url)
	switch {
	case url == "" && o.urlFile == "":
		return "", nil, errNoURL
	case url != "" && o.urlFile != "":
		return "", nil, errTwoURLs
	case o.urlFile != "":
		if url, err = o.readURL(ctx); err != nil {
			return "", nil, fmt.Errorf("cannot read the URL of the database (--postgres-url-file): %w", err)
		}
		options = append(options, coderdb.WithURLFunc(o.readURL))
	}
	options = append(options,
		coderdb.WithLogger(log),
		coderdb.WithEdition(o.edition),
		coderdb.WithInactivityTimeout(o.inactivityTimeout),
		coderdb.WithRegionNames(o.derpRegions),
		coderdb.WithPrebuildsHardLimit(o.prebuildsLimit),
	)
	if o.withoutParameters {
		options = append(options, coderdb.WithoutParameters())
	}
	if !o.collectAgentStats {
		options = append(options, coderdb.WithoutAgentStats())
	}
	return url, options, nil
}

// off returns the families that the options leave out.
func (o *databaseOptions) off() []instrument.Family {
	var off []instrument.Family
	if o.withoutParameters {
		off = append(off, coderschema.OfParameters()...)
	}
	if !o.collectAgentStats {
		off = append(off, coderschema.OfAgentStats()...)
	}
	return off
}

// reporter returns the reporter of a database that was opened with url and options.
func (o *databaseOptions) reporter(db *coderdb.DB, url string, options []coderdb.Option) (*coderdb.Reporter, error) {
	options = append(slices.Clip(options), coderdb.WithDatabase(db))
	if o.reporterURL != "" {
		url, options = o.reporterURL, append(options, coderdb.WithURLFunc(func(context.Context) (string, error) { return o.reporterURL, nil }))
	}
	return coderdb.NewReporter(url, options...)
}
