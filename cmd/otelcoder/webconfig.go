package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/internal/pace"
)

// webConfig returns the option that serves the endpoint with TLS and passwords, by a web
// configuration file of Prometheus's exporters. The file is reread for every request,
// and the files that it names for every connection; while it is invalid, every request
// fails. Without a path it returns nil, for plain HTTP.
//
// An invalid file is an error of one line, which does not quote the file's contents.
func webConfig(path string, log *slog.Logger) (exporters.Option, error) {
	if path == "" {
		return nil, nil
	}
	if err := web.Validate(path); err != nil {
		if short := fileError(err); short != err {
			return nil, fmt.Errorf("cannot use the web configuration file (--web-config-file): %w", short)
		}
		// YAML's errors have a line each.
		reason := strings.Join(strings.Fields(unquoted(err.Error())), " ")
		return nil, fmt.Errorf("cannot use the web configuration file %q (--web-config-file): %s", path, reason)
	}
	log = slog.New(unquoting{pace.Handler(log.Handler())})
	return exporters.WithServe(func(listener net.Listener, server *http.Server) error {
		return web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &path}, log)
	}), nil
}

// quoted matches text of the file in an error, which may be part of a misplaced secret.
var quoted = regexp.MustCompile("(?s)`.*`")

func unquoted(text string) string { return quoted.ReplaceAllString(text, "a value") }

// unquoting is a handler that removes text of the file from errors.
type unquoting struct{ slog.Handler }

func (u unquoting) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(unquoted(a.Value.String()))
		}
		clean.AddAttrs(a)
		return true
	})
	return u.Handler.Handle(ctx, clean)
}
