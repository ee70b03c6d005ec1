// Package process builds the programs of this project and runs them as separate
// processes.
//
//	program := process.NewProgram(dir, "./cmd/otelcoder")
//	p := program.Start(t, nil, "server")
//	http.Get(p.Ready["metrics"])
package process

import (
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

	"github.com/otelcoder/otelcoder/internal/logged"
)

const (
	module = "github.com/otelcoder/otelcoder"

	// startTime limits the time until a program is ready. It is long enough for a
	// loaded machine.
	startTime = time.Minute
	// stopTime is the documented limit of a shutdown.
	stopTime = 5 * time.Second
)

// Root returns the folder of the project's module.
func Root() (string, error) {
	root, err := command("go", "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", module, err)
	}
	return strings.TrimSpace(root), nil
}

func command(name string, args ...string) (string, error) {
	output, err := exec.Command(name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return string(output), err
}

// Program is a program of this project. It is built once, at the first start.
type Program struct {
	name  string
	build func() (path string, err error)
}

// NewProgram returns the program of a package, "./cmd/otelcoder", to be built in
// dir, a folder of the caller.
func NewProgram(dir, pkg string) *Program {
	name := filepath.Base(pkg)
	return &Program{name, sync.OnceValues(func() (string, error) {
		// Build it in its own module, with the versions of dependencies that users get.
		root, err := Root()
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, name)
		if _, err := command("go", "-C", root, "build", "-o", path, pkg); err != nil {
			return "", fmt.Errorf("build %s: %w", pkg, err)
		}
		return path, nil
	})}
}

// Process is a running program.
type Process struct {
	// Ready holds the attributes of the log line "ready", by name.
	Ready map[string]string

	name    string
	process *os.Process
	ended   chan error // receives the result of Wait
	log     logged.Log
	stop    sync.Once
}

// Start starts the program with additional environment variables, "NAME=value", and
// waits until it is ready. It is stopped when the test ends. If the test failed, its
// output is printed.
func (p *Program) Start(t testing.TB, variables []string, args ...string) *Process {
	t.Helper()
	path, err := p.build()
	if err != nil {
		t.Fatal(err)
	}
	running := &Process{Ready: make(map[string]string), name: p.name, ended: make(chan error, 1)}
	c := exec.Command(path, args...)
	c.Env = append(environment(), variables...)
	c.Stdout, c.Stderr = &running.log, &running.log
	if err := c.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	running.process = c.Process
	go func() { running.ended <- c.Wait() }()
	t.Cleanup(func() {
		running.Stop(t)
		if t.Failed() {
			t.Logf("output of %s:\n%s", p.name, running.Log())
		}
	})
	select {
	case line := <-running.log.Find(readyLine):
		for _, m := range pair.FindAllStringSubmatch(line[1], -1) {
			running.Ready[m[1]] = m[2]
		}
	case err := <-running.ended:
		running.ended <- err
		t.Fatalf("%s ended before it was ready: %v", p.name, err)
	case <-time.After(startTime):
		t.Fatalf("%s is not ready within %v", p.name, startTime)
	}
	return running
}

// environment returns the environment of the test without variables that would configure
// the programs.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CODER_") && !strings.HasPrefix(variable, "OTEL") && !strings.HasPrefix(variable, "PG") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Stop ends the process with SIGTERM, as Kubernetes does. It fails the test unless the
// process ends in time and with exit code 0. It does nothing after Stop or Kill.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.stop.Do(func() {
		t.Helper()
		// The signals have no effect if it has already ended; its exit code is checked below.
		p.Thaw()
		p.process.Signal(syscall.SIGTERM)
		select {
		case err := <-p.ended:
			if err != nil {
				t.Errorf("%s ended with %v, want exit code 0", p.name, err)
			}
		case <-time.After(stopTime):
			p.process.Signal(syscall.SIGKILL)
			<-p.ended
			t.Errorf("%s did not end within %v of SIGTERM", p.name, stopTime)
		}
	})
}

// Kill ends the process with SIGKILL.
func (p *Process) Kill() {
	p.stop.Do(func() {
		p.process.Signal(syscall.SIGKILL)
		<-p.ended
	})
}

// Freeze suspends the process until Thaw.
func (p *Process) Freeze() { p.process.Signal(syscall.SIGSTOP) }

// Thaw resumes the process after Freeze.
func (p *Process) Thaw() { p.process.Signal(syscall.SIGCONT) }

// PID returns the process ID.
func (p *Process) PID() int { return p.process.Pid }

// Log returns the output of the process.
func (p *Process) Log() string { return p.log.String() }

var (
	readyLine = regexp.MustCompile(`(?m)^.* msg=ready (.*)\n`)
	pair      = regexp.MustCompile(`(\S+)=(\S+)`)
)
