package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// asProgram is the environment variable that makes the test binary run as the program, for
// tests that need a separate process.
const asProgram = "OTELCODER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(pgtest.Main(m))
}

// password matches the password of the roles of pgtest, in any encoding of a URL.
var password = regexp.MustCompile(`correct|horse|battery|staple`)

// schema returns the SQL that creates the tables of a Coder deployment; live also fills them.
func schema(t *testing.T) string { return read(t, "../../meters/coderdb/testdata/schema.sql") }
func live(t *testing.T) string   { return schema(t) + read(t, "testdata/live.sql") }

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// deployment creates a database from a script. It returns the URL of a role with the
// grants of "otelcoder grants" only.
func deployment(t *testing.T, script string) (*pgtest.Database, string) {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(t, script)
	return db, db.Role(t, grants)
}

// service is a running server, in this process or in another one.
type service struct {
	metrics, health string // URLs; metrics without a slash at the end
	log             *logged.Log
}

// start starts a server on free ports, with its endpoint enabled and intervals of one second.
// The end of the test stops it, which must take less than five seconds.
func start(t *testing.T, url string, args ...string) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := new(logged.Log)
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{"otelcoder", "server", "--postgres-url", url, "--prometheus-enable",
			"--prometheus-address", "127.0.0.1:0", "--health-address", "127.0.0.1:0",
			"--interval", "1s", "--insights-interval", "1s"}, args...), io.Discard, log)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("still running after five seconds")
		}
		if found := password.FindString(log.String()); found != "" {
			t.Errorf("the log shows a part of the password: %s", found)
		}
		if t.Failed() {
			t.Logf("the log:\n%s", log)
		}
	})
	select {
	case ready := <-log.Find(readyLine):
		return &service{ready[1], ready[2], log}
	case err := <-ended:
		ended <- nil
		t.Fatalf("ended before it was ready: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("not ready after a minute")
	}
	return nil
}

// readyLine matches the log line of a program that is ready, and captures the URLs of the
// metrics endpoint and of the health endpoint.
var readyLine = regexp.MustCompile(`msg=ready metrics=(\S+)/ health=(\S+)/healthz(?: push=\S+)?\n`)

// get returns the body of a response, which must have status 200.
func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %v", url, response.StatusCode, err)
	}
	if password.Match(body) {
		t.Fatalf("%s shows a part of the password:\n%s", url, body)
	}
	return string(body)
}

// patience is the time after which a service counts as hung. Scans for events may use only a
// share of the time, so on a loaded machine the next scan can be minutes away.
const patience = 4 * time.Minute

// until scrapes path until wanted accepts the scrape, and returns it.
func (s *service) until(t *testing.T, path, what string, wanted func(string) bool) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		text := get(t, s.metrics+path)
		if wanted(text) {
			return text
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s; the last response:\n%s", patience, what, text)
		}
	}
}

// untilFollowing scrapes until the service is the reporter and follows events.
func (s *service) untilFollowing(t *testing.T) {
	t.Helper()
	s.until(t, "/metrics", "it follows events", func(scrape string) bool {
		return has(scrape, "otelcoder_reporter 1") && has(scrape, `otelcoder_source_up{source="events"} 1`)
	})
}

// has reports whether a scrape has a line that starts with a prefix.
func has(scrape, line string) bool { return strings.Contains("\n"+scrape, "\n"+line) }

// taken returns an address on which the test listens.
func taken(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// startProcess starts the program in a separate process.
func startProcess(t *testing.T, environment []string, args ...string) (*exec.Cmd, *logged.Log) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, args...)
	log := new(logged.Log)
	command.Env = append(append(os.Environ(), asProgram+"=1"), environment...)
	command.Stderr = log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill() })
	return command, log
}

// startServer starts a server like [start], in a separate process.
func startServer(t *testing.T, environment ...string) (*exec.Cmd, *service) {
	t.Helper()
	command, log := startProcess(t, environment, "server", "--prometheus-enable",
		"--prometheus-address", "127.0.0.1:0", "--health-address", "127.0.0.1:0", "--interval", "1s")
	ready := logs(t, log, readyLine.String())
	return command, &service{ready[1], ready[2], log}
}

func TestExitCode(t *testing.T) {
	const absent = "postgres://otelcoder:hunter2@127.0.0.1:1/coder"
	for name, test := range map[string]struct {
		environment []string
		args        []string
		code, want  string
	}{
		"a flag": {
			args: []string{"server", "--interval", "soon"},
			code: "2", want: `invalid value "soon" for --interval: give a time, such as 30s or 5m`,
		},
		"an argument": {args: []string{"check", absent}, code: "2", want: "otelcoder check takes flags only; see otelcoder check --help"},
		"a command":   {args: []string{absent}, code: "2", want: "unknown command; see otelcoder --help"},
		"nothing to do": {
			args: []string{"server"}, environment: []string{"CODER_PG_CONNECTION_URL=" + absent}, code: "2", want: errNothingEnabled.Error(),
		},
		"nothing to do, for the SDK is off": {
			args: []string{"server"}, environment: []string{"CODER_PG_CONNECTION_URL=" + absent, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_SDK_DISABLED=true"},
			code: "2", want: errNothingEnabled.Error(),
		},
		"no URL": {args: []string{"check"}, environment: []string{"CODER_PG_CONNECTION_URL= \n"}, code: "2", want: errNoURL.Error()},
		"a URL": {
			args: []string{"check"}, environment: []string{"CODER_PG_CONNECTION_URL=" + absent + "?sslmode=hunter2"}, code: "2",
			want: "the URL of the database cannot be used: sslmode must be disable, allow, prefer, require, verify-ca or verify-full",
		},
		"headers": {
			args:        []string{"server", "--log-format", "json", "--postgres-url", absent},
			environment: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS=api-key: hunter2"}, code: "2",
			want: "push metrics: OTEL_EXPORTER_OTLP_HEADERS is not a list of headers: give name=value, several with commas between them, special characters of a value percent-encoded",
		},
		"headers badly encoded": {
			args:        []string{"server", "--postgres-url", absent},
			environment: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_METRICS_HEADERS=api-key=hunter2%zz"}, code: "2",
			want: "push metrics: OTEL_EXPORTER_OTLP_METRICS_HEADERS is not a list of headers: give name=value, several with commas between them, special characters of a value percent-encoded",
		},
		"an unreachable database": {
			args: []string{"check"}, environment: []string{"CODER_PG_CONNECTION_URL=" + absent}, code: "1", want: "connect to the database: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, log := startProcess(t, test.environment, test.args...)
			if err := command.Wait(); err == nil || err.Error() != "exit status "+test.code {
				t.Errorf("ended with %v, want exit status %s", err, test.code)
			}
			lines := slices.Collect(strings.Lines(log.String()))
			if len(lines) == 0 || !strings.HasPrefix(lines[len(lines)-1], "otelcoder: "+test.want) || strings.Contains(log.String(), "hunter2") {
				t.Errorf("got the output %q, want the last line %q", log, test.want)
			}
		})
	}
}

// TestLibrariesLog checks that the logs of OpenTelemetry and gRPC are part of the program's
// log, in its format and without the values of variables.
func TestLibrariesLog(t *testing.T) {
	command, log := startProcess(t, []string{
		"CODER_PG_CONNECTION_URL=postgres://otelcoder:hunter2@127.0.0.1:1/coder", "OTELCODER_HEALTH_ADDRESS=127.0.0.1:0",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://ann:hunter2@127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
		"OTEL_EXPORTER_OTLP_HEADERS=api-key=hunter2", "OTEL_METRIC_EXPORT_INTERVAL= 500", "OTEL_METRIC_EXPORT_TIMEOUT=1000",
		"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=hunter2",
	}, "server", "--log-format", "json", "--log-level", "debug")
	for _, line := range []string{`"msg":"OpenTelemetry: parse duration","error":`, `"level":"WARN","msg":"OpenTelemetry: [^"]*AGGREGATION`, `"level":"DEBUG","msg":"OpenTelemetry: `, `"msg":"ready"[^\n]*"push":"http://127.0.0.1:1"`} {
		select {
		case <-log.Find(regexp.MustCompile(line)):
		case <-time.After(time.Minute):
			t.Fatalf("no line matches %s within a minute:\n%s", line, log)
		}
	}
	command.Process.Signal(os.Interrupt) // triggers the last push
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), `"level":"DEBUG","msg":"gRPC: `) {
		t.Errorf("the log has no line of gRPC:\n%s", log)
	}
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || strings.Contains(line, "hunter2") {
			t.Errorf("line %s: %v", line, err)
		}
	}
}

// TestSignals checks that both signals end the program with exit code 0 within five seconds,
// even while it waits for a silent database or a missing collector.
func TestSignals(t *testing.T) {
	for name, signal := range map[string]os.Signal{"Ctrl-C": os.Interrupt, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, log := startProcess(t, []string{
				"CODER_PG_CONNECTION_URL=postgres://otelcoder:hunter2@" + taken(t) + "/coder?sslmode=disable",
				"CODER_PROMETHEUS_ENABLE=true", "CODER_PROMETHEUS_ADDRESS=127.0.0.1:0", "OTELCODER_HEALTH_ADDRESS=127.0.0.1:0",
				"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1",
			}, "server")
			select {
			case <-log.Find(readyLine):
			case <-time.After(time.Minute):
				t.Fatalf("not ready after a minute; the log:\n%s", log)
			}
			command.Process.Signal(signal)
			kill := time.AfterFunc(5*time.Second, func() { command.Process.Kill() })
			defer kill.Stop()
			if err := command.Wait(); err != nil {
				t.Errorf("ended with %v, want exit code 0 within five seconds:\n%s", err, log)
			}
			if strings.Contains(log.String(), "hunter2") {
				t.Errorf("the log shows the password:\n%s", log)
			}
		})
	}
}

// grants returns the grants of the edition Documented.
func grants(role string) string { return coderschema.Grants(instrument.Documented, role) }
