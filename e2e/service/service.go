// Package service builds and runs otelcoder, the service beside a deployment, as
// a process of its own.
//
//	program := service.NewProgram(dir)
//	s := program.Start(t, url, "--interval", "1s")
//	http.Get(s.Metrics + "metrics")
package service

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
	// stopTime is how long SIGTERM may take, as promised.
	stopTime = 5 * time.Second
)

// Program is the service, built once, when it is first started.
type Program struct {
	build func() (path string, err error)
}

// NewProgram returns the service as a program in dir, a folder of the caller.
func NewProgram(dir string) *Program {
	return &Program{sync.OnceValues(func() (string, error) { return build(dir) })}
}

func build(dir string) (string, error) {
	// It is built as its own module has it, with the versions that users get.
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "otelcoder")
	if _, err := command("go", "-C", root, "build", "-o", path, "./cmd/otelcoder"); err != nil {
		return "", fmt.Errorf("build the service: %w", err)
	}
	return path, nil
}

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

// Service is a running service.
type Service struct {
	Metrics string // URL of the endpoint, ends in a slash
	Health  string // URL of /healthz

	process *os.Process
	ended   chan struct{}
	err     error // what it ended with; set when ended is closed
	log     *log
}

// Start starts the service with its endpoint enabled, on free ports of this
// host, at the database of url, and waits until it is ready. It is stopped when
// the test ends, and its log shown if the test failed.
func (p *Program) Start(t testing.TB, url string, args ...string) *Service {
	t.Helper()
	path, err := p.build()
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{ended: make(chan struct{}), log: &log{ready: make(chan [2]string, 1)}}
	c := exec.Command(path, append([]string{"server"}, args...)...)
	c.Env = append(environment(), "CODER_PG_CONNECTION_URL="+url, "CODER_PROMETHEUS_ENABLE=true",
		"CODER_PROMETHEUS_ADDRESS=127.0.0.1:0", "OTELCODER_HEALTH_ADDRESS=127.0.0.1:0")
	c.Stderr = s.log
	if err := c.Start(); err != nil {
		t.Fatalf("start the service: %v", err)
	}
	s.process = c.Process
	go func() {
		s.err = c.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("the service said:\n%s", s.Log())
		}
	})
	select {
	case urls := <-s.log.ready:
		s.Metrics, s.Health = urls[0], urls[1]
	case <-s.ended:
		t.Fatalf("the service ended before it was ready: %v", s.err)
	case <-time.After(startTime):
		t.Fatalf("the service is not ready after %v", startTime)
	}
	return s
}

// environment is the test's without what would configure the service.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CODER_") && !strings.HasPrefix(variable, "OTEL") && !strings.HasPrefix(variable, "PG") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Stop ends the service with SIGTERM and fails the test unless it ends in time
// and with exit code 0. If it has been killed already, Stop does nothing.
func (s *Service) Stop(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
		return
	default:
	}
	s.process.Signal(syscall.SIGCONT)
	s.process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
		if s.err != nil {
			t.Errorf("the service ended with %v", s.err)
		}
	case <-time.After(stopTime):
		s.Kill()
		t.Errorf("the service had not ended %v after SIGTERM", stopTime)
	}
}

// Kill ends it without a warning.
func (s *Service) Kill() {
	s.process.Signal(syscall.SIGKILL)
	<-s.ended
}

// Freeze stops the process where it is; Thaw lets it go on.
func (s *Service) Freeze() { s.process.Signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Service) Thaw() { s.process.Signal(syscall.SIGCONT) }

// Log is what it has logged.
func (s *Service) Log() string { return s.log.String() }

// ready is the line in which the service says where it listens.
var ready = regexp.MustCompile(`(?m)^.* msg=ready metrics=(\S+) health=(\S+)\n`)

// log keeps what the service says and looks for the ready line.
type log struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan [2]string // gets the URLs, once
	found bool
}

func (l *log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(text)
	if !l.found {
		if m := ready.FindSubmatch(l.text.Bytes()); m != nil {
			l.found = true
			l.ready <- [2]string{string(m[1]), string(m[2])}
		}
	}
	return len(text), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
