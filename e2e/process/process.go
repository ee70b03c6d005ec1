// Package process builds the programs of this project and runs them, each as a
// process of its own.
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

	// startTime is how long a program may take until it says that it is ready, on
	// a machine with much else to do.
	startTime = time.Minute
	// stopTime is how long it may take to end, as promised.
	stopTime = 5 * time.Second
)

// Root is the folder of the project's module.
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

// Program is a program of this project, built once, when it is first started.
type Program struct {
	name  string
	build func() (path string, err error)
}

// NewProgram returns the program of a package, "./cmd/otelcoder", to be built in
// dir, a folder of the caller.
func NewProgram(dir, pkg string) *Program {
	name := filepath.Base(pkg)
	return &Program{name, sync.OnceValues(func() (string, error) {
		// It is built as its own module has it, with the versions that users get.
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

// Process is a program that runs.
type Process struct {
	// Ready is what the program said in the line in which it was ready, by name.
	Ready map[string]string

	name    string
	process *os.Process
	ended   chan error // what it ended with
	log     logged.Log
	stop    sync.Once
}

// Start starts the program with variables, "NAME=value", in its environment, and
// waits until it is ready. It is stopped when the test ends, and what it said is
// shown if the test failed.
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
			t.Logf("%s said:\n%s", p.name, running.Log())
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
		t.Fatalf("%s is not ready after %v", p.name, startTime)
	}
	return running
}

// environment is the test's without what would configure the programs.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CODER_") && !strings.HasPrefix(variable, "OTEL") && !strings.HasPrefix(variable, "PG") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Stop ends the process as Kubernetes does and whoever presses Ctrl-C, and fails
// the test unless it ends in time and with exit code 0. It does nothing to one
// that has been stopped or killed.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.stop.Do(func() {
		t.Helper()
		// It may have ended by itself: what it ended with tells.
		p.Thaw()
		p.process.Signal(syscall.SIGTERM)
		select {
		case err := <-p.ended:
			if err != nil {
				t.Errorf("%s ended with %v", p.name, err)
			}
		case <-time.After(stopTime):
			p.process.Signal(syscall.SIGKILL)
			<-p.ended
			t.Errorf("%s had not ended %v after SIGTERM", p.name, stopTime)
		}
	})
}

// Kill ends the process without a warning.
func (p *Process) Kill() {
	p.stop.Do(func() {
		p.process.Signal(syscall.SIGKILL)
		<-p.ended
	})
}

// Freeze stops the process where it is; Thaw lets it go on.
func (p *Process) Freeze() { p.process.Signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (p *Process) Thaw() { p.process.Signal(syscall.SIGCONT) }

// PID is the number of the process.
func (p *Process) PID() int { return p.process.Pid }

// Log is what the process has said.
func (p *Process) Log() string { return p.log.String() }

var (
	readyLine = regexp.MustCompile(`(?m)^.* msg=ready (.*)\n`)
	pair      = regexp.MustCompile(`(\S+)=(\S+)`)
)
