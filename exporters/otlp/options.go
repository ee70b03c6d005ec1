package otlp

import (
	"errors"
	"fmt"
	"log/slog"
	"unicode/utf8"

	"github.com/otelcoder/otelcoder/internal/option"
)

// Option configures a [Push]. An argument that cannot be used is an error of [New]. A
// nil Option does nothing.
type Option func(*config) error

type config struct {
	logger       *slog.Logger
	endpoint     string
	protocol     Protocol
	deploymentID string
}

func newConfig(options []Option) (config, error) {
	c := config{
		logger:       slog.New(slog.DiscardHandler),
		deploymentID: "deployment",
	}
	err := option.Apply(&c, options)
	return c, err
}

// WithLogger sets where the first push that is accepted is logged, and pushes that
// begin to fail or succeed again. By default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		c.logger = l
		return option.NotNil("WithLogger", l)
	}
}

// WithEndpoint sets the URL of the receiver, such as http://localhost:4318. It
// beats the variables: OTEL_EXPORTER_OTLP_ENDPOINT, whose meaning it has, and
// those for one signal. Empty leaves the endpoint to the variables.
func WithEndpoint(url string) Option {
	return func(c *config) error {
		c.endpoint = url // [config.target] validates it
		return nil
	}
}

// WithProtocol sets the protocol. It beats the variables:
// OTEL_EXPORTER_OTLP_PROTOCOL and those for one signal. Empty leaves the protocol to
// the variables.
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
