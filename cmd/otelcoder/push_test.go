package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestPushAlone checks that a service without the Prometheus endpoint pushes, at the latest when
// it ends.
func TestPushAlone(t *testing.T) {
	var pushes atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" && r.URL.Path == "/v1/metrics" {
			pushes.Add(1)
		}
	}))
	defer collector.Close()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	log := &lines{func(line string) {
		if strings.Contains(line, `msg=ready metrics="not served: see --prometheus-enable"`) {
			cancel()
		}
	}}
	err := run(ctx, []string{"otelcoder", "server", "--postgres-url", "postgres://127.0.0.1:1/coder",
		"--health-address", "127.0.0.1:0", "--otlp-endpoint", collector.URL}, &bytes.Buffer{}, log)
	if err != nil || ctx.Err() != context.Canceled {
		t.Errorf("error %v, context %v", err, ctx.Err())
	}
	if pushes.Load() == 0 {
		t.Error("nothing was pushed")
	}
}
