package otlp_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelcoder/otelcoder/exporters/otlp"
	"github.com/otelcoder/otelcoder/internal/option/optiontest"
)

// TestOptions checks the validation of every option.
func TestOptions(t *testing.T) {
	const protocols = "give http/protobuf or grpc"
	optiontest.Run(t, []optiontest.Row[otlp.Option]{
		{Name: "nil", Option: nil},
		{Name: "WithLogger", Option: otlp.WithLogger(nil), Want: "nil"},
		{Name: "WithLogger", Option: otlp.WithLogger(slog.New(slog.DiscardHandler))},
		// These errors do not name WithEndpoint: the service's flag has the same ones.
		{Name: "WithEndpoint", Option: otlp.WithEndpoint("")},
		{Name: "WithEndpoint", Option: otlp.WithEndpoint("http://127.0.0.1:4318")},
		{Name: "OTLP endpoint", Option: otlp.WithEndpoint("collector"), Want: "such as http://localhost:4318"},
		{Name: "OTLP endpoint", Option: otlp.WithEndpoint("http://[::1"), Want: "such as http://localhost:4318"},
		{Name: "OTLP endpoint", Option: otlp.WithEndpoint(strings.Repeat("x", 1<<20)), Want: "such as http://localhost:4318"},
		{Name: "WithProtocol", Option: otlp.WithProtocol("")},
		{Name: "WithProtocol", Option: otlp.WithProtocol(otlp.HTTP)},
		{Name: "WithProtocol", Option: otlp.WithProtocol(otlp.GRPC)},
		{Name: "WithProtocol", Option: otlp.WithProtocol("http/json"), Want: protocols},
		{Name: "WithProtocol", Option: otlp.WithProtocol("\xff\n"), Want: protocols},
		{Name: "WithDeploymentID", Option: otlp.WithDeploymentID(""), Want: "must be from 1 to 1024"},
		{Name: "WithDeploymentID", Option: otlp.WithDeploymentID("a")},
		{Name: "WithDeploymentID", Option: otlp.WithDeploymentID(strings.Repeat("a", 1024))},
		{Name: "WithDeploymentID", Option: otlp.WithDeploymentID(strings.Repeat("a", 1025)), Want: "must be from 1 to 1024"},
		{Name: "WithDeploymentID", Option: otlp.WithDeploymentID("\xff"), Want: "not valid UTF-8"},
		{Name: "WithResource", Option: otlp.WithResource(nil), Want: "nil"},
		{Name: "WithResource", Option: otlp.WithResource(resource.NewSchemaless(attribute.String("a", "\xff"))), Want: "not valid UTF-8"},
		{Name: "WithResource", Option: otlp.WithResource(resource.Empty())},
		{Name: "WithHeaders", Option: otlp.WithHeaders(nil)},
		{Name: "WithHeaders", Option: otlp.WithHeaders(map[string]string{"x-token": "a b"})},
		{Name: "WithHeaders", Option: otlp.WithHeaders(map[string]string{"x token": "a"}), Want: "not the name of a header"},
		{Name: "WithHeaders", Option: otlp.WithHeaders(map[string]string{"x-token": "a\r\nb"}), Want: "control character"},
		{Name: "WithHeaders", Option: otlp.WithHeaders(map[string]string{"x-token": "\xff"}), Want: "not valid UTF-8"},
		{Name: "WithTLS", Option: otlp.WithTLS(nil), Want: "nil"},
		{Name: "WithTLS", Option: otlp.WithTLS(new(tls.Config))},
		{Name: "WithHTTPClient", Option: otlp.WithHTTPClient(nil), Want: "nil"},
		{Name: "WithHTTPClient", Option: otlp.WithHTTPClient(http.DefaultClient)},
		{Name: "WithGRPCConn", Option: otlp.WithGRPCConn(nil), Want: "nil"},
		{Name: "WithGRPCConn", Option: otlp.WithGRPCConn(newConn(t, "127.0.0.1:1"))},
		{Name: "WithMetricExporter", Option: otlp.WithMetricExporter(nil), Want: "nil"},
		{Name: "WithMetricExporter", Option: otlp.WithMetricExporter(new(recorder))},
	}, map[string]func(*testing.T, otlp.Option) error{
		"New": func(t *testing.T, option otlp.Option) error {
			_, err := otlp.New(t.Context(), option)
			return err
		},
	}, "WithEndpoint")
}
