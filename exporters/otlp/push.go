package otlp

import (
	"context"
	"fmt"
)

// Push is what is pushed, where to, and as whom.
type Push struct {
	config          config
	metrics, traces *target // nil: not pushed
	resources       resources
}

// New reads the environment. Its error says which endpoint or protocol makes no
// sense and what to give instead. It connects to nothing.
func New(ctx context.Context, options ...Option) (*Push, error) {
	p := &Push{config: newConfig(options)}
	var err error
	if p.metrics, err = p.config.target(metrics); err != nil {
		return nil, fmt.Errorf("push metrics: %w", err)
	}
	if p.traces, err = p.config.target(traces); err != nil {
		return nil, fmt.Errorf("push traces: %w", err)
	}
	if p.metrics == nil && p.traces == nil {
		return p, nil
	}
	if p.resources, err = newResources(ctx, p.config.deploymentID); err != nil {
		p.config.logger.Warn("a part of the resource attributes is left out: check OTEL_RESOURCE_ATTRIBUTES", "error", err)
	}
	return p, nil
}
