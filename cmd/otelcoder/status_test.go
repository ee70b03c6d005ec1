package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/internal/status"
	"github.com/otelcoder/otelcoder/internal/status/statustest"
)

// statusOf runs "otelcoder status".
func statusOf(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, stderr bytes.Buffer
	err = run(t.Context(), append([]string{"otelcoder", "status"}, args...), &out, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("on standard error:\n%s", &stderr)
	}
	return out.String(), err
}

// pageOf serves the status page of a deployment under a path.
func pageOf(t *testing.T, path string, d *statustest.Deployment) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(path+"/status", status.NewPage(d, statustest.History()))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + path
}

func TestStatus(t *testing.T) {
	for name, test := range map[string]struct {
		deployment *statustest.Deployment
		begins     string
		problem    string // empty: exit code 0
	}{
		"healthy":     {statustest.Healthy(), "● Reporting this deployment for 3 h 12 m. ", ""},
		"standing by": {statustest.StandBy(), "○ Standing by for 2 h. ", ""},
		"degraded":    {statustest.Degraded(), "▲ Reporting for 3 h 12 m, but 1 of 7 sources fail: insights. ", "the service is degraded"},
		"outage":      {statustest.Outage(), "▲ Database unreachable for 4 m 10 s. ", "the service is unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"", "/below/it"} {
				url := pageOf(t, path, test.deployment)
				for _, url := range []string{url, url + "/", url + "/status", url + "/metrics", url + "/metrics/", strings.Replace(url, "://", "://ann:hunter2@", 1)} {
					text, err := statusOf(t, "--url", url)
					if !strings.HasPrefix(text, test.begins) || strings.Contains(text, "\x1b") || fmt.Sprint(err) != cmp.Or(test.problem, "<nil>") {
						t.Errorf("%s: error %v; the output:\n%s", url, err, text)
					}
				}
			}
		})
	}
}

// TestStatusJSON checks that the JSON of the service is printed unchanged, and that the
// environment can set the address.
func TestStatusJSON(t *testing.T) {
	url := pageOf(t, "", statustest.Degraded())
	t.Setenv("OTELCODER_STATUS_URL", url)
	text, err := statusOf(t, "--output", "json")
	if err == nil || err.Error() != "the service is degraded" {
		t.Errorf("error %v", err)
	}
	if want := get(t, url+"/status?format=json"); text != want || !json.Valid([]byte(text)) {
		t.Errorf("got\n%.500s\nwant\n%.500s", text, want)
	}
}

// TestStatusErrors checks that each error names the remedy on one line and shows no password.
func TestStatusErrors(t *testing.T) {
	serve := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	secure := func(start func(*httptest.Server)) string {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		start(server)
		t.Cleanup(server.Close)
		return server.URL
	}
	tls := secure((*httptest.Server).StartTLS)
	plain := serve(http.NotFound)
	for name, test := range map[string]struct {
		url  string
		code int
		want string
	}{
		"nothing there":  {"http://ann:hunter2@127.0.0.1:1", 1, "cannot reach http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused: start it with otelcoder server --prometheus-enable, or set --url to its address"},
		"no host":        {"http://ann:hunter2@host.invalid:1", 1, "cannot reach http://host.invalid:1: "},
		"another":        {plain, 1, plain + "/status does not exist: another program answers"},
		"another's page": {serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }), 1, "/status is not the status page of otelcoder: "},
		"another's JSON": {serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"state": "ok"}`) }), 1, "/status is not the status page of otelcoder: "},
		"an endless one": {serve(func(w http.ResponseWriter, _ *http.Request) {
			for range maxStatus>>20 + 2 {
				w.Write(make([]byte, 1<<20))
			}
		}), 1, "it is larger than 16 MiB"},
		"an older version": {serve(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/metrics/replica" {
				http.NotFound(w, r)
			}
		}), 1, "/status does not exist: this otelcoder is older or does not serve the page"},
		"a password": {serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }), 1,
			"requires a user and password, or refuses the given ones: set OTELCODER_STATUS_URL to https://user:password@host:port"},
		"a redirect": {serve(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}), 1, "/status answers with status 302: "},
		"an unknown CA":     {tls, 1, "set SSL_CERT_FILE to the file of its CA"},
		"TLS by HTTP":       {strings.Replace(tls, "https", "http", 1), 1, "/status is served with TLS: use https:// in --url"},
		"HTTP by TLS":       {strings.Replace(plain, "http", "https", 1), 1, "it is served without TLS: use http:// in --url"},
		"no scheme":         {"localhost:2112", 2, "invalid value for --url: give http://host:port"},
		"another scheme":    {"postgres://ann:hunter2@db/coder", 2, "invalid value for --url: "},
		"a raw slash":       {"http://ann:12/hunter2@127.0.0.1:1", 2, "invalid value for --url: "},
		"a raw at sign":     {"http://ann:hunter2@hunter2@127.0.0.1:1", 2, "invalid value for --url: "},
		"a raw hash":        {"http://ann:#hunter2@127.0.0.1:1", 2, "invalid value for --url: "},
		"a query":           {"http://127.0.0.1:1/?hunter2", 2, "invalid value for --url: "},
		"a bad port":        {"http://ann:hunter2@127.0.0.1:port", 2, "invalid value for --url: "},
		"a missing address": {" ", 2, "invalid value for --url: "},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := statusOf(t, "--url", test.url)
			code := 1
			if coder, ok := errors.AsType[cli.ExitCoder](err); ok {
				code = coder.ExitCode()
			}
			if err == nil || code != test.code || !strings.Contains(err.Error(), test.want) || text != "" {
				t.Fatalf("exit code %d, error %v; want %d, %s", code, err, test.code, test.want)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has several lines or shows the password: %q", err)
			}
		})
	}
	if _, err := statusOf(t, "--output", "yaml"); err == nil || err.Error() != `invalid value "yaml" for --output: give text or json` {
		t.Errorf("error %v", err)
	}
}
