// Package coderd runs the example control plane, examples/coderd.
//
//	program := coderd.NewProgram(dir)
//	c := program.Start(t, "--load", "0")
//	http.Get(c.Metrics + "metrics")
package coderd

import (
	"testing"

	"github.com/otelcoder/otelcoder/e2e/process"
)

// Program is the example. It is built once, at the first start.
type Program struct{ program *process.Program }

// NewProgram returns the example as a program in dir, a folder of the caller.
func NewProgram(dir string) *Program {
	return &Program{process.NewProgram(dir, "./examples/coderd")}
}

// Coderd is a running example.
type Coderd struct {
	*process.Process
	API     string // URL of the API, ends in a slash
	Metrics string // URL of the endpoint, ends in a slash
}

// Start starts the example with args and its endpoint enabled, on free ports of this
// host, and waits until it is ready. It is stopped when the test ends. If the test
// failed, its output is printed.
func (p *Program) Start(t testing.TB, args ...string) *Coderd {
	t.Helper()
	return p.StartWith(t, nil, args...)
}

// StartWith is Start with additional environment variables, "NAME=value".
func (p *Program) StartWith(t testing.TB, variables []string, args ...string) *Coderd {
	t.Helper()
	c := p.program.Start(t, variables, append([]string{
		"--prometheus-enable", "--prometheus-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0",
	}, args...)...)
	return &Coderd{c, c.Ready["api"], c.Ready["metrics"]}
}
