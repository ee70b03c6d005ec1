// Package service runs otelcoder, the service beside a deployment.
//
//	program := service.NewProgram(dir)
//	s := program.Start(t, url, "--interval", "1s")
//	http.Get(s.Metrics + "metrics")
package service

import (
	"testing"

	"github.com/otelcoder/otelcoder/e2e/process"
)

// Program is the service. It is built once, at the first start.
type Program struct{ program *process.Program }

// NewProgram returns the service as a program in dir, a folder of the caller.
func NewProgram(dir string) *Program {
	return &Program{process.NewProgram(dir, "./cmd/otelcoder")}
}

// Service is a running service.
type Service struct {
	*process.Process
	Metrics string // URL of the endpoint, ends in a slash
	Health  string // URL of /healthz
}

// Start starts the service with its endpoint enabled, on free ports of this
// host, with the database of url, and waits until it is ready. It is stopped when
// the test ends. If the test failed, its log is printed.
func (p *Program) Start(t testing.TB, url string, args ...string) *Service {
	t.Helper()
	return p.StartWith(t, nil, url, args...)
}

// StartWith is Start with additional environment variables, "NAME=value".
func (p *Program) StartWith(t testing.TB, variables []string, url string, args ...string) *Service {
	t.Helper()
	s := p.program.Start(t, append([]string{
		"CODER_PG_CONNECTION_URL=" + url, "CODER_PROMETHEUS_ENABLE=true",
		"CODER_PROMETHEUS_ADDRESS=127.0.0.1:0", "OTELCODER_HEALTH_ADDRESS=127.0.0.1:0",
	}, variables...), append([]string{"server"}, args...)...)
	return &Service{s, s.Ready["metrics"], s.Ready["health"]}
}
