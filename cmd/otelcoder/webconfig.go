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

// webConfig makes the option by which the endpoint is served as a web
// configuration file of Prometheus's exporters says, with TLS and passwords. The
// file is read again for every request, those that it names for every connection;
// while it makes no sense, nobody is served. With no file it returns nil: plain
// HTTP.
//
// The error, if it makes no sense now, is one line and quotes nothing of the file.
func webConfig(path string, log *slog.Logger) (exporters.Option, error) {
	if path == "" {
		return nil, nil
	}
	if err := web.Validate(path); err != nil {
		if short := fileError(err); short != err {
			return nil, fmt.Errorf("cannot use the web configuration file (--web-config-file): %w", short)
		}
		// YAML's errors have a line each.
		said := strings.Join(strings.Fields(unquoted(err.Error())), " ")
		return nil, fmt.Errorf("cannot use the web configuration file %q (--web-config-file): %s", path, said)
	}
	log = slog.New(unquoting{pace.Handler(log.Handler())})
	return exporters.WithServe(func(listener net.Listener, server *http.Server) error {
		return web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &path}, log)
	}), nil
}

// quoted is text of the file in an error: it may be a part of a secret that
// stands in the wrong place.
var quoted = regexp.MustCompile("(?s)`.*`")

func unquoted(text string) string { return quoted.ReplaceAllString(text, "a value") }

// unquoting is a log without text of the file.
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
