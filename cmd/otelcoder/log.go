package main

import (
	"errors"
	"io"
	"log/slog"

	"github.com/urfave/cli/v3"
)

// logOptions are where and how is logged.
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
			Usage:     "least `LEVEL` that is logged: debug, info, warn or error",
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

// logger returns the log. JSON has durations as text has them, such as "6s", and not as
// nanoseconds.
func (o *logOptions) logger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}}
	if o.format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
