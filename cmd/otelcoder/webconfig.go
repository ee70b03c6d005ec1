package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/otelcoder/otelcoder/exporters"
)

// webConfig makes the option by which the endpoint is served as a web
// configuration file of Prometheus's exporters says, with TLS and passwords. The
// file, and those that it names, are read again for every connection. With no
// file it returns nil: plain HTTP.
func webConfig(path string, log *slog.Logger) (exporters.Option, error) {
	if path == "" {
		return nil, nil
	}
	if err := web.Validate(path); err != nil {
		// YAML's errors have a line each.
		return nil, fmt.Errorf("cannot use the web configuration file %q (--web-config-file): %s", path, strings.Join(strings.Fields(err.Error()), " "))
	}
	return exporters.WithServe(func(listener net.Listener, server *http.Server) error {
		return web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &path}, log)
	}), nil
}
