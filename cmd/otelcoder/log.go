package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/urfave/cli/v3"
)

// logOptions are the flags of the log.
type logOptions struct {
	format string
	level  slog.Level
}

func (o *logOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Category:    groupProcess,
			Name:        "log-format",
			Usage:       "`FORMAT` of the log on standard error: text or json",
			Sources:     variable("OTELCODER_LOG_FORMAT"),
			Value:       "text",
			Validator:   validFormat,
			Destination: &o.format,
		},
		&cli.StringFlag{
			Category:  groupProcess,
			Name:      "log-level",
			Usage:     "lowest `LEVEL` to log: debug, info, warn or error",
			Sources:   variable("OTELCODER_LOG_LEVEL"),
			Value:     "info",
			Validator: o.parseLevel,
		},
	}
}

func validFormat(format string) error {
	if format != "text" && format != "json" {
		return errors.New("give text or json")
	}
	return nil
}

func (o *logOptions) parseLevel(name string) error {
	if o.level.UnmarshalText([]byte(name)) != nil {
		return errors.New("give debug, info, warn or error")
	}
	return nil
}

// logger returns a logger that writes to a writer. In JSON, too, durations are text, such
// as "6s", instead of nanoseconds.
func (o *logOptions) logger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}}
	var handler slog.Handler = slog.NewTextHandler(to, options)
	if o.format == "json" {
		handler = slog.NewJSONHandler(to, options)
	}
	return slog.New(withRunbooks{handler})
}

// runbooks maps the messages that need an operator's action to their page in
// docs/runbooks. docs/logs.md lists them, too.
var runbooks = map[string]string{
	"the database is unreachable":                                          "OtelcoderDatabaseDown",
	"the database is still unreachable":                                    "OtelcoderDatabaseDown",
	"source fails":                                                         "OtelcoderSourceDown",
	"the events cannot be followed":                                        "OtelcoderSourceDown",
	"cannot reconnect to the database: its URL cannot be used":             "OtelcoderDatabaseDown",
	"series of source withdrawn":                                           "OtelcoderSourceDown",
	"no process can report the deployment through this connection":         "OtelcoderNoReporter",
	"cannot reconnect as reporter: the URL of the database cannot be used": "OtelcoderNoReporter",
	"left out of the metrics, and counted in otelcoder_refused_total":      "OtelcoderRefused",
	"an instrument is not served, and counted in otelcoder_refused_total":  "OtelcoderRefused",
	"metrics of the host's gatherer are left out":                          "OtelcoderScrapeErrors",
	"scrape is incomplete: affected series are left out":                   "OtelcoderScrapeErrors",
	"metrics are not pushed":                                               "OtelcoderPushFailing",
}

// withRunbooks is a handler that adds the runbook of a message to its line.
type withRunbooks struct{ slog.Handler }

func (h withRunbooks) Handle(ctx context.Context, r slog.Record) error {
	if name := runbooks[r.Message]; name != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("runbook", name))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRunbooks) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRunbooks{h.Handler.WithAttrs(attrs)}
}

func (h withRunbooks) WithGroup(name string) slog.Handler {
	return withRunbooks{h.Handler.WithGroup(name)}
}
