package otlp

import (
	"context"
	"fmt"
	"strings"
)

const (
	sdkDisabled           = "OTEL_SDK_DISABLED"
	temporalityPreference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
)

// Push holds the targets of metrics and traces and their resources.
type Push struct {
	config          config
	metrics, traces *target // nil: not pushed
	resources       resources
}

// New reads the environment. It does not connect. Its error names an invalid option or
// variable and the remedy; it shows no secret.
func New(ctx context.Context, options ...Option) (*Push, error) {
	c, err := newConfig(options)
	if err != nil {
		return nil, fmt.Errorf("push: %w", err)
	}
	p := &Push{config: c}
	if isTrue(sdkDisabled) {
		p.config.logger.Info("nothing is pushed", "because", sdkDisabled+" is true")
		return p, nil
	}
	if p.metrics, err = p.config.target(metrics); err != nil {
		return nil, fmt.Errorf("push metrics: %w", err)
	}
	if p.traces, err = p.config.target(traces); err != nil {
		return nil, fmt.Errorf("push traces: %w", err)
	}
	if p.metrics == nil && p.traces == nil {
		return p, nil
	}
	if preference := env(temporalityPreference); p.metrics != nil && preference != "" && !strings.EqualFold(preference, "cumulative") {
		p.config.logger.Warn("metrics are pushed with cumulative temporality", "ignored", temporalityPreference)
	}
	if p.resources, err = newResources(ctx, p.config.resource, p.config.deploymentID); err != nil {
		p.config.logger.Warn("a part of the resource attributes is left out: check OTEL_RESOURCE_ATTRIBUTES", "error", err)
	}
	return p, nil
}

// MetricsEndpoint returns the URL that metrics are pushed to, without user, password
// and query; empty if metrics are not pushed.
func (p *Push) MetricsEndpoint() string {
	if p.metrics == nil {
		return ""
	}
	return p.metrics.endpoint
}
