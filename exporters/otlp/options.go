package otlp

import "log/slog"

// Option configures a [Push].
type Option func(*config)

type config struct {
	logger       *slog.Logger
	endpoint     string
	protocol     Protocol
	deploymentID string
}

func newConfig(options []Option) config {
	c := config{
		logger:       slog.New(slog.DiscardHandler),
		deploymentID: "deployment",
	}
	for _, option := range options {
		option(&c)
	}
	return c
}

// WithLogger sets where the first push that is accepted is logged, and pushes that
// begin to fail or succeed again. By default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) { c.logger = l }
}

// WithEndpoint sets the URL of the receiver, such as http://localhost:4318. It
// beats the variables: OTEL_EXPORTER_OTLP_ENDPOINT, whose meaning it has, and
// those for one signal. Empty leaves the endpoint to the variables.
func WithEndpoint(url string) Option {
	return func(c *config) { c.endpoint = url }
}

// WithProtocol sets the protocol. It beats the variables:
// OTEL_EXPORTER_OTLP_PROTOCOL and those for one signal.
func WithProtocol(p Protocol) Option {
	return func(c *config) { c.protocol = p }
}

// WithDeploymentID sets the service.instance.id of the Deployment group, which
// must be the same on every replica of a deployment. Default: "deployment".
func WithDeploymentID(id string) Option {
	return func(c *config) { c.deploymentID = id }
}
