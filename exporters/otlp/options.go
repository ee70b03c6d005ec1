package otlp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/grpc"

	"github.com/otelcoder/otelcoder/internal/option"
)

// Option configures a [Push]. [New] returns an error for an invalid argument, and
// ignores a nil Option.
type Option func(*config) error

type config struct {
	logger       *slog.Logger
	endpoint     string
	protocol     Protocol
	deploymentID string
	resource     *resource.Resource // or nil
	headers      map[string]string  // nil: from the environment
	tls          *tls.Config        // nil: from the environment
	httpClient   *http.Client       // or nil
	grpcConn     *grpc.ClientConn   // or nil
	exporter     sdkmetric.Exporter // or nil
}

func newConfig(options []Option) (config, error) {
	c := config{
		logger:       slog.New(slog.DiscardHandler),
		deploymentID: "deployment",
	}
	if err := option.Apply(&c, options); err != nil {
		return c, err
	}
	return c, c.check()
}

// check returns an error for options that contradict each other.
func (c *config) check() error {
	switch {
	case c.grpcConn != nil && c.httpClient != nil:
		return errors.New("WithGRPCConn and WithHTTPClient are given: give only one")
	case c.grpcConn != nil && c.endpoint != "":
		return errors.New("WithGRPCConn and WithEndpoint are given: give only one, the connection has an endpoint")
	case c.grpcConn != nil && c.tls != nil:
		return errors.New("WithGRPCConn and WithTLS are given: give only one, the connection has its own TLS")
	case c.httpClient != nil && c.tls != nil:
		return errors.New("WithHTTPClient and WithTLS are given: give only one, the client has its own TLS")
	case c.grpcConn != nil && c.protocol == HTTP:
		return fmt.Errorf("WithGRPCConn is given, but WithProtocol is %s: leave WithProtocol out", HTTP)
	case c.httpClient != nil && c.protocol == GRPC:
		return fmt.Errorf("WithHTTPClient is given, but WithProtocol is %s: leave WithProtocol out", GRPC)
	}
	switch {
	case c.grpcConn != nil:
		c.protocol = GRPC
	case c.httpClient != nil:
		c.protocol = HTTP
	}
	return nil
}

// WithLogger sets the logger for the first accepted push, and for the start and the end
// of failures. Default: no logging.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		c.logger = l
		return option.NotNil("WithLogger", l)
	}
}

// WithEndpoint sets the URL of the receiver, such as http://localhost:4318. It
// overrides OTEL_EXPORTER_OTLP_ENDPOINT, which has the same meaning, and its variants
// for a signal. Empty leaves the endpoint to the variables.
func WithEndpoint(url string) Option {
	return func(c *config) error {
		c.endpoint = url // [config.target] validates it
		return nil
	}
}

// WithProtocol sets the protocol. It overrides OTEL_EXPORTER_OTLP_PROTOCOL and its
// variants for a signal. Empty leaves the protocol to the variables.
func WithProtocol(p Protocol) Option {
	return func(c *config) error {
		c.protocol = p
		if p != "" && p != HTTP && p != GRPC {
			return fmt.Errorf("WithProtocol is %q: give %s or %s", p, HTTP, GRPC)
		}
		return nil
	}
}

// WithDeploymentID sets the service.instance.id of the Deployment group, which
// must be the same on every replica of a deployment: valid UTF-8 of 1 to 1,024 bytes.
// Default: "deployment".
func WithDeploymentID(id string) Option {
	return func(c *config) error {
		c.deploymentID = id
		if !utf8.ValidString(id) {
			return errors.New("WithDeploymentID is not valid UTF-8")
		}
		return option.Within("the length of WithDeploymentID", len(id), 1, 1024)
	}
}

// WithResource adds attributes to the resources. They override the defaults,
// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. Attributes of one replica, such as
// host.* and k8s.pod.*, are left out of the Deployment group. The schema URL is not
// used. Names and values must be valid UTF-8.
func WithResource(r *resource.Resource) Option {
	return func(c *config) error {
		c.resource = r
		if err := option.NotNil("WithResource", r); err != nil {
			return err
		}
		for _, a := range r.Attributes() {
			if !utf8.ValidString(string(a.Key)) || !utf8.ValidString(a.Value.String()) {
				return fmt.Errorf("WithResource: the attribute %q is not valid UTF-8", a.Key)
			}
		}
		return nil
	}
}

// WithHeaders sets the HTTP headers or gRPC metadata of each push, such as a token.
// They replace OTEL_EXPORTER_OTLP_HEADERS and its variants. Errors and logs never show
// their values.
func WithHeaders(headers map[string]string) Option {
	return func(c *config) error {
		c.headers = make(map[string]string, len(headers))
		for name, value := range headers {
			if !isToken(name) {
				return errors.New("WithHeaders has a name that is not the name of a header")
			}
			if !utf8.ValidString(value) || strings.ContainsFunc(value, isControl) {
				return fmt.Errorf("WithHeaders: the value of %s has a control character or is not valid UTF-8", name)
			}
			c.headers[name] = value
		}
		return nil
	}
}

// WithTLS sets the TLS configuration for an https endpoint. It replaces
// OTEL_EXPORTER_OTLP_CERTIFICATE and the other certificate variables.
func WithTLS(t *tls.Config) Option {
	return func(c *config) error {
		c.tls = t
		return option.NotNil("WithTLS", t)
	}
}

// WithHTTPClient sets the client that pushes over HTTP, with its transport and timeout.
// The variables of certificates and timeouts do not apply. The caller closes its idle
// connections.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error {
		c.httpClient = client
		return option.NotNil("WithHTTPClient", client)
	}
}

// WithGRPCConn sets the connection to push over, instead of an endpoint. The variables
// of endpoint, protocol, compression and certificates do not apply. The caller closes
// it, after Shutdown of the Exporter and the tracer provider.
func WithGRPCConn(conn *grpc.ClientConn) Option {
	return func(c *config) error {
		c.grpcConn = conn
		return option.NotNil("WithGRPCConn", conn)
	}
}

// WithMetricExporter sets the exporter that pushes metrics. The options of the endpoint
// then apply to traces only. Export is called by one goroutine at a time, with batches
// of cumulative temporality; Shutdown is called once, after the last push of both
// groups. Use it with a single [exporters.Exporter].
func WithMetricExporter(exporter sdkmetric.Exporter) Option {
	return func(c *config) error {
		c.exporter = exporter
		return option.NotNil("WithMetricExporter", exporter)
	}
}
