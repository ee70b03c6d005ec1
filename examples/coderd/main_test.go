package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/logged"
)

// asProgram is the variable that makes the test binary run the program, for tests of its
// exit codes.
const asProgram = "CODERD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// program is the example, running in this process.
type program struct {
	api, metrics string // URLs without a slash at the end
	stop         func()
}

// start starts the example with its endpoint enabled, on free ports. It stops it when the
// test ends, and fails the test if that needs more than five seconds.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := new(logged.Log)
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{"coderd", "--prometheus-enable",
			"--prometheus-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"}, args...), io.Discard, log)
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the program ended with %v, want nil", err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("the program has not ended within 5s")
		}
		if t.Failed() {
			t.Log(log)
		}
	})
	t.Cleanup(stop)
	select {
	case ready := <-log.Find(readyLine):
		return &program{ready[1], ready[2], stop}
	case err := <-ended:
		ended <- nil
		t.Fatalf("the program ended before it was ready: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the program is not ready within a minute")
	}
	return nil
}

// readyLine matches the log line of a program that is ready, with the URLs of API and
// endpoint.
var readyLine = regexp.MustCompile(`msg=ready api=(\S+)/ metrics=(\S+)/ `)

// samples maps the names and labels of a scrape's samples, as in its text, to their values.
type samples map[string]float64

// scrape returns the samples of a scrape. It fails the test if the scrape is not complete.
func (p *program) scrape(t *testing.T) samples {
	t.Helper()
	response, err := http.Get(p.metrics + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("scrape: status %d, want 200: %v", response.StatusCode, err)
	}
	s := make(samples)
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		if err != nil {
			t.Fatalf("scrape: %q: %v", line, err)
		}
		s[line[:i]] = value
	}
	if s["otelcoder_scrape_errors_total"] != 0 {
		t.Fatal("the scrape is not complete: otelcoder_scrape_errors_total is not 0")
	}
	return s
}

// until scrapes until done returns nil. It fails the test after 50 seconds.
func (p *program) until(t *testing.T, done func(samples) error) samples {
	t.Helper()
	deadline := time.Now().Add(50 * time.Second)
	for {
		s := p.scrape(t)
		err := done(s)
		if err == nil {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("not done within 50s: %v", err)
		}
		time.Sleep(100 * time.Millisecond) // scrapes need CPU time, too
	}
}

// missing returns the documented families without a sample.
func (s samples) missing() []string {
	seen := make(map[string]bool)
	for sample := range s {
		name, _, _ := strings.Cut(sample, "{")
		seen[name], seen[strings.TrimSuffix(name, "_count")] = true, true
	}
	var missing []string
	for f := range instrument.Documented.All() {
		if instrument.Documented.Info(f).Origin != instrument.Health && !seen[f.String()] {
			missing = append(missing, f.String())
		}
	}
	return missing
}

func TestEveryFamily(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--load", "0"}, {"--load", "0", "--workspaces", "2"}, {}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			start(t, args...).until(t, func(s samples) error {
				if missing := s.missing(); missing != nil {
					return fmt.Errorf("no samples of %v", missing)
				}
				return nil
			})
		})
	}
}

// TestManyWorkspaces has more workspaces than 2,000, the number of attribute sets past which
// the SDK folds series. It does not run in parallel with other tests, since collecting the
// agents is slow under the race detector.
func TestManyWorkspaces(t *testing.T) {
	p := start(t, "--load", "0", "--workspaces", "3000")
	p.until(t, func(s samples) error {
		up := 0
		for sample := range s {
			if strings.HasPrefix(sample, "coderd_agents_up{") {
				up++
			}
			if strings.Contains(sample, "otel_metric_overflow") {
				t.Fatal(sample)
			}
		}
		if up != 3000 {
			return fmt.Errorf("%d series of coderd_agents_up, want 3000", up)
		}
		if n := s["coderd_api_concurrent_websockets"]; n != 50 {
			return fmt.Errorf("%v websockets, want 50", n)
		}
		return nil
	})
}

// taken returns an address on which a process listens.
func taken(t *testing.T, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil { // another process listens there
		return address
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func TestRefusedToStart(t *testing.T) {
	busy := taken(t, "127.0.0.1:0")
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"unknown flag":      {args: []string{"--bogus"}, want: "flag provided but not defined: -bogus"},
		"argument":          {args: []string{"server"}, want: `takes flags only, not "server"; see --help`},
		"no value":          {args: []string{"--load"}, want: "flag needs an argument: --load"},
		"negative load":     {args: []string{"--load", "-1"}, want: `invalid value "-1" for flag -load: give a number from 0 to 1000`},
		"one workspace":     {args: []string{"--workspaces=1"}, want: `invalid value "1" for flag -workspaces: give a number from 2 to 100000`},
		"not a number":      {args: []string{"--workspaces=many"}, want: `invalid value "many" for flag -workspaces: strconv.ParseInt: parsing "many": invalid syntax`},
		"not an address":    {args: []string{"--http-address=localhost"}, want: `invalid value "localhost" for flag -http-address: give an address of this host as <host>:<port>`},
		"variable":          {env: map[string]string{"CODER_PROMETHEUS_ENABLE": "maybe"}, want: `could not parse "maybe" as bool value from environment variable "CODER_PROMETHEUS_ENABLE" for flag prometheus-enable: parse error`},
		"taken by flag":     {args: []string{"--http-address", busy}, want: "cannot serve the API on " + busy + ": another process listens there; choose another --http-address"},
		"taken by variable": {env: map[string]string{"CODER_HTTP_ADDRESS": busy}, want: "cannot serve the API on " + busy + ": another process listens there; choose another --http-address"},
		"flag beats variable": {
			args: []string{"--http-address", "127.0.0.1:0", "--prometheus-address", busy},
			env: map[string]string{
				"CODER_HTTP_ADDRESS": busy, "CODER_PROMETHEUS_ADDRESS": "127.0.0.1:0", "CODER_PROMETHEUS_ENABLE": "true",
			},
			want: "cannot serve metrics on " + busy + ": another process listens there; choose another --prometheus-address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range test.env {
				t.Setenv(variable, value)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout bytes.Buffer
			log := new(logged.Log)
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, append([]string{"coderd"}, test.args...), &stdout, log) }()
			select {
			case err := <-ended:
				if err == nil || err.Error() != test.want {
					t.Errorf("got  %v\nwant %s", err, test.want)
				}
			case <-log.Find(readyLine):
				cancel()
				t.Errorf("the program started and ended with %v, want the error %s", <-ended, test.want)
			}
			if stdout.String()+log.String() != "" {
				t.Errorf("got the output\n%s%swant none besides the error", stdout.String(), log)
			}
		})
	}
}

func TestDisabledByDefault(t *testing.T) {
	t.Parallel()
	command, log := startProcess(t, "--load", "0", "--http-address", "127.0.0.1:0", "--prometheus-address", taken(t, "127.0.0.1:0"))
	line := regexp.MustCompile(`msg=ready .* metrics="none: see --prometheus-enable"`)
	for deadline := time.Now().Add(time.Minute); !line.MatchString(log.String()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the program is not ready within a minute; its log is\n%s", log)
		}
	}
	command.Process.Signal(syscall.SIGTERM)
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

func TestHelp(t *testing.T) {
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"coderd", "--help"}, &stdout, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--prometheus-enable ", "[$CODER_PROMETHEUS_ENABLE]",
		"--prometheus-address HOST:PORT ", `(default: "127.0.0.1:2112") [$CODER_PROMETHEUS_ADDRESS]`,
		"--http-address HOST:PORT ", `(default: "127.0.0.1:3000") [$CODER_HTTP_ADDRESS]`,
		"--workspaces int ", "(default: 50)", "--load int ", "(default: 20)",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
}

// startProcess starts the program as a child process.
func startProcess(t *testing.T, args ...string) (*exec.Cmd, *logged.Log) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, args...)
	log := new(logged.Log)
	command.Env = append(os.Environ(), asProgram+"=1")
	command.Stderr = log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill() })
	return command, log
}

func TestExitCode(t *testing.T) {
	command, log := startProcess(t, "--load", "many")
	if err := command.Wait(); err == nil || err.Error() != "exit status 1" {
		t.Errorf("ended with %v, want exit status 1", err)
	}
	const want = `coderd: invalid value "many" for flag -load: strconv.ParseInt: parsing "many": invalid syntax` + "\n"
	if log.String() != want {
		t.Errorf("got the log %q, want %q", log, want)
	}
}

// TestEndsAtOnce checks that an interrupt before the start is complete is not an error.
func TestEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"coderd", "--http-address", "127.0.0.1:0"}, io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}

// TestInterrupt checks that an interrupt ends the program while it is in use.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	command, log := startProcess(t, "--load", "100", "--prometheus-enable",
		"--prometheus-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")
	ready := <-log.Find(readyLine)
	open := openAll(t, ready[1])
	defer open.close()
	command.Process.Signal(os.Interrupt)
	kill := time.AfterFunc(5*time.Second, func() { command.Process.Kill() })
	defer kill.Stop()
	if err := command.Wait(); err != nil {
		t.Errorf("the process ended with %v, want exit code 0 within 5s", err)
	}
}
