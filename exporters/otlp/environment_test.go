package otlp_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
)

// Each case is what a user sets, $URL being the receiver's, and the paths that
// metrics and traces are sent to then; empty for not at all.
func TestWhatIsPushed(t *testing.T) {
	for name, test := range map[string]struct {
		env             string
		endpoint        string
		metrics, traces string
	}{
		"nothing set": {},
		"for all signals": {
			env:     "ENDPOINT=$URL",
			metrics: "/v1/metrics", traces: "/v1/traces",
		},
		"below a path": {
			env:     "ENDPOINT=$URL/api/v1/otlp/",
			metrics: "/api/v1/otlp/v1/metrics", traces: "/api/v1/otlp/v1/traces",
		},
		"metrics only": {env: "METRICS_ENDPOINT=$URL/as/it/is", metrics: "/as/it/is"},
		"traces only":  {env: "TRACES_ENDPOINT=$URL/spans", traces: "/spans"},
		"metrics off":  {env: "ENDPOINT=$URL OTEL_METRICS_EXPORTER=none", traces: "/v1/traces"},
		"traces off":   {env: "ENDPOINT=$URL OTEL_TRACES_EXPORTER=none", metrics: "/v1/metrics"},
		"only other exporters": {
			env: "ENDPOINT=$URL OTEL_METRICS_EXPORTER=prometheus OTEL_TRACES_EXPORTER=console",
		},
		"other exporters too": {
			env:     "ENDPOINT=$URL OTEL_METRICS_EXPORTER=prometheus,otlp",
			metrics: "/v1/metrics", traces: "/v1/traces",
		},
		"endpoint given": {
			endpoint: "$URL",
			metrics:  "/v1/metrics", traces: "/v1/traces",
		},
		"endpoint given and set": {
			endpoint: "$URL/sub", env: "ENDPOINT=http://127.0.0.1:1 METRICS_ENDPOINT=http://127.0.0.1:1/x",
			metrics: "/sub/v1/metrics", traces: "/sub/v1/traces",
		},
		"endpoint given, but off": {
			endpoint: "$URL", env: "OTEL_METRICS_EXPORTER=none OTEL_TRACES_EXPORTER=none",
		},
		"set to nothing": {env: "ENDPOINT= METRICS_ENDPOINT= OTEL_METRICS_EXPORTER="},
		"a protocol for each signal": {
			env:     "ENDPOINT=$URL PROTOCOL=grpc METRICS_PROTOCOL=http/protobuf TRACES_PROTOCOL=http/protobuf",
			metrics: "/v1/metrics", traces: "/v1/traces",
		},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := newReceiver(t, otlp.HTTP)
			setenv(t, strings.ReplaceAll(test.env, "$URL", receiver.url))
			push, err := otlp.New(t.Context(), otlp.WithEndpoint(strings.ReplaceAll(test.endpoint, "$URL", receiver.url)))
			if err != nil {
				t.Fatal(err)
			}
			if pushMetrics(t, push) != (test.metrics != "") {
				t.Errorf("metrics are pushed: %t", test.metrics == "")
			}
			if pushSpan(t, push) != (test.traces != "") {
				t.Errorf("traces are pushed: %t", test.traces == "")
			}
			for _, path := range []string{test.metrics, test.traces} {
				if path != "" && !slices.Contains(receiver.paths, path) {
					t.Errorf("requests to %q, want one to %q", receiver.paths, path)
				}
			}
		})
	}
}

// setenv sets variables, those of the OTLP exporters by the end of their names.
func setenv(t *testing.T, variables string) {
	t.Helper()
	for variable := range strings.FieldsSeq(variables) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "OTEL_") {
			name = "OTEL_EXPORTER_OTLP_" + name
		}
		t.Setenv(name, value)
	}
}

// pushMetrics pushes what a new Exporter measures, if metrics are to be pushed.
func pushMetrics(t *testing.T, push *otlp.Push) bool {
	t.Helper()
	metrics := push.Metrics()
	if metrics == nil {
		return false
	}
	e, err := exporters.New(metrics)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return true
}

// pushSpan pushes a span, if traces are to be pushed.
func pushSpan(t *testing.T, push *otlp.Push) bool {
	t.Helper()
	traces, err := push.Traces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if traces == nil {
		return false
	}
	_, span := traces.Tracer("test").Start(t.Context(), "GET /api/v2/users")
	span.End()
	if err := traces.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return true
}

// What the SDK's exporters read themselves reaches them.
func TestTheExportersReadTheirVariables(t *testing.T) {
	receiver := newReceiver(t, otlp.HTTP)
	setenv(t, "HEADERS=authorization=Bearer%20t METRICS_COMPRESSION=gzip")
	push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url))
	if err != nil {
		t.Fatal(err)
	}
	pushMetrics(t, push)
	if h := receiver.headers[0]; h.Get("Authorization") != "Bearer t" || h.Get("Content-Encoding") != "gzip" {
		t.Errorf("headers %v", h)
	}
	if receiver.byName(t)["go_goroutines"].Metric == nil {
		t.Error("the metrics do not arrive")
	}
}

// A setting that makes no sense stops the start, with a line that says which one
// it is and what to do.
func TestSettingsThatMakeNoSense(t *testing.T) {
	for name, test := range map[string]struct{ env, endpoint, want string }{
		"no scheme": {
			endpoint: "collector:4318",
			want:     `push metrics: the OTLP endpoint is "collector:4318": give a URL such as http://localhost:4318`,
		},
		"no URL": {
			env:  "ENDPOINT=127.0.0.1:4318",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT is "127.0.0.1:4318": give a URL such as http://localhost:4318`,
		},
		"no URL, for gRPC": {
			env:  "TRACES_ENDPOINT=127.0.0.1:4317 PROTOCOL=grpc",
			want: `push traces: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is "127.0.0.1:4317": give a URL such as http://localhost:4318`,
		},
		"a password, but no scheme": {
			env:  "ENDPOINT=ann:hunter2@127.0.0.1:4318",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT is "127.0.0.1:4318": give a URL such as http://localhost:4318`,
		},
		"a password, but no scheme, for gRPC": {
			env:  "METRICS_ENDPOINT=ann:hunter2@127.0.0.1:4317 PROTOCOL=grpc",
			want: `push metrics: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is "127.0.0.1:4317": give a URL such as http://localhost:4318`,
		},
		"a password, and another scheme": {
			endpoint: "ftp://ann:hunter@2@127.0.0.1",
			want:     `push metrics: the OTLP endpoint is "ftp://127.0.0.1": give a URL such as http://localhost:4318`,
		},
		"no host": {
			env:  "METRICS_ENDPOINT=http:///v1/metrics",
			want: `push metrics: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is "http:///v1/metrics": give a URL such as http://localhost:4318`,
		},
		"another protocol": {
			env:  "ENDPOINT=http://localhost:4318 PROTOCOL=http/json",
			want: `push metrics: OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": give http/protobuf or grpc`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, test.env)
			if _, err := otlp.New(t.Context(), otlp.WithEndpoint(test.endpoint)); err == nil || err.Error() != test.want {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

// The password of a receiver that is not there is in no log line.
func TestThePasswordOfAReceiverIsNotShown(t *testing.T) {
	t.Setenv("OTEL_METRIC_EXPORT_TIMEOUT", "100")
	for name, env := range map[string]string{
		"HTTP":        "ENDPOINT=http://ann:hunter2@127.0.0.1:1",
		"gRPC":        "ENDPOINT=http://ann:hunter2@127.0.0.1:1 PROTOCOL=grpc",
		"in a header": "ENDPOINT=http://127.0.0.1:1 HEADERS=authorization=hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, env)
			var log log
			e := newExporter(t, []otlp.Option{log.option()})
			flush(t, e)
			lines := log.lines()
			if len(lines) == 0 || strings.Contains(strings.Join(lines, ""), "hunter2") {
				t.Errorf("log %q", lines)
			}
		})
	}
}

// gRPC's exporters take an address from the environment.
func TestAnAddressForGRPC(t *testing.T) {
	receiver := newReceiver(t, otlp.GRPC)
	_, port, _ := strings.Cut(strings.TrimPrefix(receiver.url, "http://"), ":")
	setenv(t, "ENDPOINT=localhost:"+port+" INSECURE=true PROTOCOL=grpc")
	push, err := otlp.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pushMetrics(t, push)
	if receiver.byName(t)["go_goroutines"].Metric == nil {
		t.Error("the metrics do not arrive")
	}
}

// Attributes of the resource that are cut off are left out; the rest is pushed.
func TestResourceAttributesThatMakeNoSense(t *testing.T) {
	var log log
	receiver := newReceiver(t, otlp.HTTP)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=prod,nonsense")
	push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url), log.option())
	if err != nil {
		t.Fatal(err)
	}
	pushMetrics(t, push)
	if got := receiver.byName(t)["go_goroutines"].resource["service.namespace"]; got != "prod" {
		t.Errorf("service.namespace is %q, want prod", got)
	}
	if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "OTEL_RESOURCE_ATTRIBUTES") || !strings.Contains(lines[0], "nonsense") {
		t.Errorf("log %q, want one line about the attribute", lines)
	}
}
