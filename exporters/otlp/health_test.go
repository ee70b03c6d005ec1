package otlp_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument/health"
)

func pushOf(t *testing.T, e *exporters.Exporter) (push health.Push) {
	t.Helper()
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/status?format=json", nil))
	report := struct{ Push *health.Push }{&push}
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil || report.Push == nil {
		t.Fatalf("the status page has no push: %v in %s", err, w.Body)
	}
	return push
}

func TestPushIsShownOnTheStatusPage(t *testing.T) {
	receiver := new(receiver)
	var well atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if well.Load() {
			receiver.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	endpoint := strings.Replace(server.URL, "http://", "http://ann:hunter2@", 1) + "?token=hunter2"
	e := newExporter(t, []otlp.Option{otlp.WithEndpoint(endpoint)})
	if p := pushOf(t, e); p.Endpoint != server.URL || !p.LastSuccess.IsZero() || p.Problem != nil {
		t.Errorf("before the first push: got %+v, want no success and no problem", p)
	}
	flush(t, e)
	flush(t, e)
	p := pushOf(t, e)
	if p.Failures != 2 || p.Successes != 0 || p.Problem == nil || p.Problem.Error == "" || p.Problem.Since.IsZero() || p.Problem.Remedy == "" ||
		p.Problem.Runbook != "OtelcoderPushFailing" || strings.Contains(p.Problem.Error, "hunter2") {
		t.Errorf("after two failures: got %+v, problem %+v", p, p.Problem)
	}
	well.Store(true)
	flush(t, e)
	if p := pushOf(t, e); p.Failures != 2 || p.Successes != 1 || p.LastSuccess.IsZero() || p.Problem != nil {
		t.Errorf("after a success: got %+v, problem %+v, want 2 failures, 1 success, no problem", p, p.Problem)
	}
}
