// Package coderd builds and runs the example control plane, examples/coderd, as
// a process of its own.
//
//	program := coderd.NewProgram(dir)
//	c := program.Start(t, "--load", "0")
//	http.Get(c.Metrics + "metrics")
package coderd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	module = "github.com/otelcoder/otelcoder"

	// startTime is how long the program may take until it says that it is ready,
	// on a machine with much else to do.
	startTime = time.Minute
	// stopTime is how long Ctrl-C may take, as promised.
	stopTime = 5 * time.Second
)

// Program is the example, built once, when it is first started.
type Program struct {
	build func() (path string, err error)
}

// NewProgram returns the example as a program in dir, a folder of the caller.
func NewProgram(dir string) *Program {
	return &Program{sync.OnceValues(func() (string, error) { return build(dir) })}
}

func build(dir string) (string, error) {
	// It is built as its own module has it, with the versions that users get.
	root, err := command("go", "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", module, err)
	}
	path := filepath.Join(dir, "coderd")
	if _, err := command("go", "-C", strings.TrimSpace(root), "build", "-o", path, "./examples/coderd"); err != nil {
		return "", fmt.Errorf("build the example: %w", err)
	}
	return path, nil
}

func command(name string, args ...string) (string, error) {
	output, err := exec.Command(name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return string(output), err
}

// Coderd is a running example.
type Coderd struct {
	API     string // URL of the API, ends in a slash
	Metrics string // URL of the endpoint, ends in a slash

	command *exec.Cmd
	ended   chan error // what the process ended with
	output  *output
	stop    sync.Once
}

// Start starts the example with its endpoint enabled, on free ports of this
// host, and with args, and waits until it is ready. It is stopped when the test
// ends, and its output shown if the test failed.
func (p *Program) Start(t testing.TB, args ...string) *Coderd {
	t.Helper()
	return p.StartWith(t, nil, args...)
}

// StartWith is Start with variables, "NAME=value", in the example's environment.
func (p *Program) StartWith(t testing.TB, variables []string, args ...string) *Coderd {
	t.Helper()
	path, err := p.build()
	if err != nil {
		t.Fatal(err)
	}
	c := &Coderd{
		command: exec.Command(path, append([]string{
			"--prometheus-enable", "--prometheus-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0",
		}, args...)...),
		ended:  make(chan error, 1),
		output: &output{ready: make(chan [2]string, 1)},
	}
	c.command.Env = append(environment(), variables...)
	c.command.Stdout, c.command.Stderr = c.output, c.output
	if err := c.command.Start(); err != nil {
		t.Fatalf("start the example: %v", err)
	}
	go func() { c.ended <- c.command.Wait() }()
	t.Cleanup(func() {
		c.Stop(t)
		if t.Failed() {
			t.Logf("the example said:\n%s", c.output)
		}
	})

	select {
	case addresses := <-c.output.ready:
		c.API, c.Metrics = addresses[0], addresses[1]
	case err := <-c.ended:
		c.ended <- err
		t.Fatalf("the example ended before it was ready: %v", err)
	case <-time.After(startTime):
		t.Fatalf("the example is not ready after %v", startTime)
	}
	return c
}

// environment is the test's without what would configure the example.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CODER_") && !strings.HasPrefix(variable, "OTEL") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Stop ends the example as Ctrl-C does, and fails the test unless it ends in
// time and with exit code 0. Further calls do nothing.
func (c *Coderd) Stop(t testing.TB) {
	t.Helper()
	c.stop.Do(func() {
		t.Helper()
		// It may have ended by itself: what it ended with tells.
		c.command.Process.Signal(os.Interrupt)
		select {
		case err := <-c.ended:
			if err != nil {
				t.Errorf("the example ended with %v", err)
			}
		case <-time.After(stopTime):
			c.command.Process.Signal(syscall.SIGKILL)
			<-c.ended
			t.Errorf("the example had not ended %v after Ctrl-C", stopTime)
		}
	})
}

// Kill ends it without a warning.
func (c *Coderd) Kill() {
	c.stop.Do(func() {
		c.command.Process.Signal(syscall.SIGKILL)
		<-c.ended
	})
}

// ready is the line in which the example says where it listens.
var ready = regexp.MustCompile(`(?m)^.* msg=ready api=(\S+) metrics=(\S+) .*\n`)

// output keeps what the example says and looks for the ready line.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan [2]string // gets the URLs of API and endpoint, once
	found bool
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(text)
	if !o.found {
		if m := ready.FindSubmatch(o.text.Bytes()); m != nil {
			o.found = true
			o.ready <- [2]string{string(m[1]), string(m[2])}
		}
	}
	return len(text), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
