package otlp_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	v1 "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/instrument"
)

// TestWhatIsPushed has for each case the variables, with $URL for the receiver's URL, and
// the paths of the requests with metrics and traces. An empty path means no push.
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
				t.Errorf("metrics are pushed: %t, want %t", test.metrics == "", test.metrics != "")
			}
			if pushSpan(t, push) != (test.traces != "") {
				t.Errorf("traces are pushed: %t, want %t", test.traces == "", test.traces != "")
			}
			for _, path := range []string{test.metrics, test.traces} {
				if path != "" && !slices.Contains(receiver.paths, path) {
					t.Errorf("requests to %q, want one to %q", receiver.paths, path)
				}
			}
		})
	}
}

// setenv sets environment variables. Names without OTEL_ get the prefix OTEL_EXPORTER_OTLP_.
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

// pushMetrics pushes the metrics of a new Exporter. It returns false if metrics are turned
// off.
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

// pushSpan pushes a span. It returns false if traces are turned off.
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

// TestTheExportersReadTheirVariables checks that variables that only the SDK's exporters
// read take effect.
func TestTheExportersReadTheirVariables(t *testing.T) {
	receiver := newReceiver(t, otlp.HTTP)
	setenv(t, "HEADERS=authorization=Bearer%20t METRICS_COMPRESSION=gzip")
	push, err := otlp.New(t.Context(), otlp.WithEndpoint(receiver.url))
	if err != nil {
		t.Fatal(err)
	}
	pushMetrics(t, push)
	if h := receiver.headers[0]; h.Get("Authorization") != "Bearer t" || h.Get("Content-Encoding") != "gzip" {
		t.Errorf("got the headers %v, want the Authorization and the compression of the environment", h)
	}
	if receiver.byName(t)["go_goroutines"].Metric == nil {
		t.Error("the metrics do not arrive")
	}
}

// TestSettingsThatMakeNoSense checks that the error of New for an invalid setting names the
// setting and the remedy.
func TestSettingsThatMakeNoSense(t *testing.T) {
	for name, test := range map[string]struct{ env, endpoint, want string }{
		"no scheme": {
			endpoint: "collector:4318",
			want:     `push metrics: the OTLP endpoint is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"no URL": {
			env:  "ENDPOINT=127.0.0.1:4318",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"no URL, for gRPC": {
			env:  "TRACES_ENDPOINT=127.0.0.1:4317 PROTOCOL=grpc",
			want: `push traces: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a password, but no scheme": {
			env:  "ENDPOINT=ann:hunter2@127.0.0.1:4318",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a password, but no scheme, for gRPC": {
			env:  "METRICS_ENDPOINT=ann:hunter2@127.0.0.1:4317 PROTOCOL=grpc",
			want: `push metrics: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a password, and another scheme": {
			endpoint: "ftp://ann:hunter@2@127.0.0.1",
			want:     `push metrics: the OTLP endpoint is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"no host": {
			env:  "METRICS_ENDPOINT=http:///v1/metrics",
			want: `push metrics: OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a password with a slash": {
			endpoint: "http://ann:12/hunter2@127.0.0.1:4318",
			want:     `push metrics: the OTLP endpoint is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a password with an @ and a slash": {
			env:  "ENDPOINT=http://ann:x@12/hunter2@127.0.0.1:4318 PROTOCOL=grpc",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a password with a hash": {
			endpoint: "http://ann:12#hunter2@127.0.0.1:4318",
			want:     `push metrics: the OTLP endpoint is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a password, but no host": {
			endpoint: "http://ann:hunter2",
			want:     `push metrics: the OTLP endpoint is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a port that is none, for gRPC": {
			env:  "ENDPOINT=ann:hunter2 PROTOCOL=grpc",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of a receiver: give one such as http://localhost:4318`,
		},
		"a query, for gRPC": {
			env:  "ENDPOINT=http://127.0.0.1:4317?token=hunter2 PROTOCOL=grpc",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT has a query, which gRPC cannot send: leave it out, or use http/protobuf`,
		},
		"two authorizations": {
			env:  "ENDPOINT=http://ann:hunter2@127.0.0.1:4318 HEADERS=Authorization=hunter2",
			want: `push metrics: OTEL_EXPORTER_OTLP_ENDPOINT has a user, and the headers have an authorization: give only one`,
		},
		"another compression": {
			env:  "ENDPOINT=http://127.0.0.1:4318 TRACES_COMPRESSION=zstd",
			want: `push traces: OTEL_EXPORTER_OTLP_TRACES_COMPRESSION must be gzip or none`,
		},
		"a timeout with a unit": {
			env:  "ENDPOINT=http://127.0.0.1:4318 TIMEOUT=10s",
			want: `push metrics: OTEL_EXPORTER_OTLP_TIMEOUT must be a number of milliseconds, such as 30000`,
		},
		"an interval with a unit": {
			env:  "ENDPOINT=http://127.0.0.1:4318 OTEL_METRIC_EXPORT_INTERVAL=10s",
			want: `push metrics: OTEL_METRIC_EXPORT_INTERVAL must be a number of milliseconds, such as 30000`,
		},
		"no certificate": {
			env:  "ENDPOINT=https://127.0.0.1:4318 CERTIFICATE=/hunter2",
			want: `push metrics: OTEL_EXPORTER_OTLP_CERTIFICATE: the file cannot be read: no such file or directory`,
		},
		"a certificate that is none": {
			env:  "ENDPOINT=https://127.0.0.1:4318 METRICS_CERTIFICATE=environment_test.go",
			want: `push metrics: OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: the file has no certificate`,
		},
		"a certificate without a key": {
			env:  "ENDPOINT=https://127.0.0.1:4318 CLIENT_CERTIFICATE=environment_test.go",
			want: `push metrics: only one of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY is set: give both`,
		},
		"a key that is none": {
			env:  "ENDPOINT=https://127.0.0.1:4318 CLIENT_CERTIFICATE=environment_test.go CLIENT_KEY=environment_test.go",
			want: `push metrics: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY are not a certificate and its key`,
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

// TestThePasswordOfAReceiverIsNotShown checks that logs never show the password of an
// unreachable receiver.
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
				t.Errorf("log %q, want lines without the password", lines)
			}
		})
	}
}

// TestAnAddressForGRPC checks that the endpoint of the environment can be an address without
// a scheme for gRPC.
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

// TestResourceAttributesThatMakeNoSense checks that invalid resource attributes are left
// out, and that the others are pushed.
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
	if lines := log.lines(); len(lines) != 2 || !strings.Contains(lines[0], "OTEL_RESOURCE_ATTRIBUTES") || !strings.Contains(lines[0], "nonsense") {
		t.Errorf("log %q, want one line about the attribute, and one about the push", lines)
	}
}

// TestHeadersThatMakeNoSense checks that New returns an error for invalid headers, since
// pushes would lack them, and that the error does not show their values.
func TestHeadersThatMakeNoSense(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		signal := "metrics"
		if strings.Contains(name, "TRACES") {
			signal = "traces"
		}
		want := "push " + signal + ": " + name + " is not a list of headers: " +
			"give name=value, several with commas between them, special characters of a value percent-encoded"
		for _, value := range []string{
			"api-key: hunter2", "api-key=hunter2%zz", "hunter2", "a=b,hunter2", "a=b,", "=hunter2", "api key=hunter2", "a=hunter2%0D%0Ab", `{"hunter2":"x"}`,
		} {
			t.Run(name+" "+value, func(t *testing.T) {
				t.Setenv(name, value)
				if _, err := otlp.New(t.Context(), otlp.WithEndpoint("http://127.0.0.1:4318")); err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			})
		}
	}
}

// FuzzEndpoint checks that errors and logs never show the password or the query of an
// endpoint.
func FuzzEndpoint(f *testing.F) {
	for _, before := range []string{"", "12/", "7/", "p@", "p@12/", "12?x=", "#", "[", "%", ":", " ", "\n"} {
		f.Add(before)
	}
	f.Fuzz(func(t *testing.T, before string) {
		const secret = "hunter2"
		for _, protocol := range []otlp.Protocol{otlp.HTTP, otlp.GRPC} {
			for _, endpoint := range []string{
				"http://ann:" + before + secret + "@127.0.0.1:1/path",
				"https://ann:" + before + secret + "@127.0.0.1:1",
				"http://ann:" + url.PathEscape(before+secret) + "@127.0.0.1:1?token=" + secret,
				"http://127.0.0.1:1/?token=" + before + secret,
				"ann:" + before + secret + "@127.0.0.1:1",
			} {
				push, err := otlp.New(t.Context(), otlp.WithEndpoint(endpoint), otlp.WithProtocol(protocol))
				shown := ""
				if err != nil {
					shown = err.Error()
				} else {
					shown = push.MetricsEndpoint()
				}
				if strings.Contains(shown, secret) {
					t.Errorf("%s to %q shows %q", protocol, endpoint, shown)
				}
			}
		}
	})
}

// TestAllOfAnEndpointIsSent checks that requests have the user, password and query of the
// endpoint.
func TestAllOfAnEndpointIsSent(t *testing.T) {
	const authorization = "Basic YW5uOmh1bnRlckAy" // ann:hunter@2
	for name, test := range map[string]struct {
		protocol      otlp.Protocol
		env, endpoint string
		query         string
		other         string // value of the header api-key
	}{
		"of all signals":   {protocol: otlp.HTTP, env: "ENDPOINT=http://ann:hunter%402@$HOST?tenant=a&x=%20 HEADERS=api-key=k", query: "tenant=a&x=%20", other: "k"},
		"of each signal":   {protocol: otlp.HTTP, env: "METRICS_ENDPOINT=http://ann:hunter%402@$HOST/v1/metrics?tenant=a TRACES_ENDPOINT=http://ann:hunter%402@$HOST/v1/traces?tenant=a", query: "tenant=a"},
		"given":            {protocol: otlp.HTTP, endpoint: "http://ann:hunter%402@$HOST/?tenant=a", query: "tenant=a"},
		"without a query":  {protocol: otlp.HTTP, endpoint: "http://ann:hunter%402@$HOST"},
		"over gRPC":        {protocol: otlp.GRPC, env: "ENDPOINT=http://ann:hunter%402@$HOST HEADERS=api-key=k", other: "k"},
		"given, over gRPC": {protocol: otlp.GRPC, endpoint: "http://ann:hunter%402@$HOST"},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := newReceiver(t, test.protocol)
			host := strings.TrimPrefix(receiver.url, "http://")
			setenv(t, strings.ReplaceAll(test.env, "$HOST", host))
			var log log
			push, err := otlp.New(t.Context(), otlp.WithEndpoint(strings.ReplaceAll(test.endpoint, "$HOST", host)), otlp.WithProtocol(test.protocol), log.option())
			if err != nil {
				t.Fatal(err)
			}
			if shown := push.MetricsEndpoint(); !strings.HasPrefix(shown, "http://"+host) || strings.Contains(shown, "?") {
				t.Errorf("MetricsEndpoint returned %q, want the URL without user and query", shown)
			}
			pushMetrics(t, push)
			pushSpan(t, push)
			if len(receiver.metrics) == 0 || len(receiver.traces) == 0 {
				t.Fatalf("received metrics %d times and traces %d times, want both", len(receiver.metrics), len(receiver.traces))
			}
			for _, header := range receiver.headers {
				if header.Get("Authorization") != authorization || header.Get("Api-Key") != test.other {
					t.Errorf("got the headers %v, want Authorization %q and Api-Key %q", header, authorization, test.other)
				}
			}
			for _, query := range receiver.queries {
				if query != test.query {
					t.Errorf("query %q, want %q", query, test.query)
				}
			}
			if said := log.String(); strings.Contains(said, "hunter") || strings.Contains(said, "tenant") {
				t.Errorf("log %q, want no password and no query", said)
			}
		})
	}
}

// TestAQueryOverTLS checks that the certificate of the environment applies to an endpoint
// with a query.
func TestAQueryOverTLS(t *testing.T) {
	receiver := new(receiver)
	server := httptest.NewTLSServer(receiver)
	defer server.Close()
	certificate := filepath.Join(t.TempDir(), "ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		t.Fatal(err)
	}
	setenv(t, "CERTIFICATE="+certificate)
	push, err := otlp.New(t.Context(), otlp.WithEndpoint(server.URL+"?token=hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	pushMetrics(t, push)
	if len(receiver.metrics) == 0 || receiver.queries[0] != "token=hunter2" {
		t.Errorf("received metrics %d times, queries %q, want token=hunter2", len(receiver.metrics), receiver.queries)
	}
}

// TestAQueryIsNotShown checks that logs never show the query of an endpoint. The URL of a
// redirect can contain it.
func TestAQueryIsNotShown(t *testing.T) {
	for name, answer := range map[string]http.Handler{
		"redirected": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1"+r.URL.String(), http.StatusPermanentRedirect)
		}),
		"not found": http.NotFoundHandler(),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			var log log
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL + "?token=hunter2"), log.option()})
			flush(t, e)
			if said := log.String(); !strings.Contains(said, "metrics are not pushed") || strings.Contains(said, "hunter2") {
				t.Errorf("log %q, want the failed push without the query", said)
			}
		})
	}
}

// TestSDKDisabled checks that OTEL_SDK_DISABLED turns the push off. Other variables are not
// validated then.
func TestSDKDisabled(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "True")
	setenv(t, "ENDPOINT=http://127.0.0.1:1 TIMEOUT=nonsense")
	var log log
	push, err := otlp.New(t.Context(), log.option())
	if err != nil {
		t.Fatal(err)
	}
	if pushMetrics(t, push) || pushSpan(t, push) || push.MetricsEndpoint() != "" {
		t.Error("metrics or traces are pushed, or there is an endpoint")
	}
	const want = `level=INFO msg="nothing is pushed" because="OTEL_SDK_DISABLED is true"` + "\n"
	if got := log.String(); got != want {
		t.Errorf("log %q, want %q", got, want)
	}
}

// TestTemporalityIsCumulative checks that pushes are cumulative even if the environment
// requests another temporality: the next push then has the data of a failed one.
func TestTemporalityIsCumulative(t *testing.T) {
	for _, preference := range []string{"delta", "LowMemory", "nonsense"} {
		t.Run(preference, func(t *testing.T) {
			setenv(t, "METRICS_TEMPORALITY_PREFERENCE="+preference)
			receiver := new(receiver)
			var well atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if well.Load() {
					receiver.ServeHTTP(w, r)
				} else {
					w.WriteHeader(http.StatusBadRequest)
				}
			}))
			defer server.Close()
			var log log
			e := newExporter(t, []otlp.Option{otlp.WithEndpoint(server.URL), log.option()})
			h, err := e.Providers().Histogram(instrument.ProvisionerdJobTimings)
			if err != nil {
				t.Fatal(err)
			}
			h.Record(t.Context(), 7, instrument.Documented.Labels(instrument.ProvisionerdJobTimings, instrument.ProvisionerJob{Provisioner: "terraform", Status: "success"}))
			observe(t, e, instrument.APIRequestsProcessed, 42, usersRequest)
			flush(t, e)
			well.Store(true)
			flush(t, e)

			requests := receiver.byName(t)["coderd_api_requests_processed_total"].GetSum()
			if requests.GetAggregationTemporality() != v1.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE || requests.DataPoints[0].GetAsDouble() != 42 {
				t.Errorf("got the requests %v, want a cumulative 42", requests)
			}
			jobs := receiver.byName(t)["coderd_provisionerd_job_timings_seconds"].GetHistogram()
			if jobs.GetAggregationTemporality() != v1.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE || jobs.DataPoints[0].Count != 1 {
				t.Errorf("got the jobs %v, want a cumulative count of 1", jobs)
			}
			if n := strings.Count(log.String(), "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"); n != 1 {
				t.Errorf("the variable is logged %d times, want once:\n%s", n, &log)
			}
		})
	}
}
