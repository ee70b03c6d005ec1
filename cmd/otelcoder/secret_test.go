package main

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/internal/logged"
)

// TestPasswordIsNeverShown checks that the password of a valid or invalid URL of any form
// is in no log line, error, help text, label or response.
func TestPasswordIsNeverShown(t *testing.T) {
	const secret = "hunter2"
	for name, url := range map[string]string{
		"in the URL":              "postgres://otelcoder:hunter2@127.0.0.1:1/coder",
		"as a parameter":          "postgres://otelcoder@127.0.0.1:1/coder?password=hunter2",
		"percent-encoded":         "postgresql://otelcoder:%68unter2hunter2@127.0.0.1:1/coder?sslmode=disable",
		"in words":                "host=127.0.0.1 port=1 user=otelcoder password=hunter2 dbname=coder",
		"in quotes":               "host=127.0.0.1 port=1 user=otelcoder password='hunter2 \\' hunter2' dbname=coder",
		"of a key":                "postgres://otelcoder@127.0.0.1:1/coder?sslmode=require&sslpassword=hunter2",
		"of two hosts":            "postgres://otelcoder:hunter2@127.0.0.1:1,127.0.0.1:2/coder",
		"of a host that is none":  "postgres://otelcoder:hunter2@host.invalid/coder?connect_timeout=1",
		"badly encoded":           "postgres://otelcoder:hunter2%zz@127.0.0.1:1/coder",
		"with a slash":            "postgres://otelcoder:hunter2/hunter2@127.0.0.1:1/coder",
		"after a number":          "postgres://otelcoder:12/hunter2@127.0.0.1:1/coder",
		"after a slash":           "postgres://otelcoder:/hunter2@127.0.0.1:1/coder",
		"after another number":    "postgres://otelcoder:7/hunter2@127.0.0.1:1/coder",
		"after two numbers":       "postgres://otelcoder:12,34/hunter2@127.0.0.1:1/coder",
		"with a hash":             "postgres://otelcoder:#hunter2@127.0.0.1:1/coder",
		"with an at sign":         "postgres://otelcoder:hunter2@hunter2@127.0.0.1:1/coder",
		"with a bad port":         "postgres://otelcoder:hunter2@127.0.0.1:port/coder",
		"with a bad mode":         "postgres://otelcoder:hunter2@127.0.0.1:1/coder?sslmode=hunter2",
		"with an unknown setting": "postgres://otelcoder:hunter2@127.0.0.1:1/coder?hunter2=hunter2&sslrootcert=/hunter2",
		"of another database":     "mysql://otelcoder:hunter2@127.0.0.1:1/coder",
		"with a line break":       "postgres://otelcoder:hunter2\n@127.0.0.1:1/coder",
		"alone":                   "hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CODER_PG_CONNECTION_URL", url)
			t.Setenv("OTELCODER_OWNER_URL", url)
			silent := func(what, said string) {
				t.Helper()
				if strings.Contains(said, secret) {
					t.Errorf("%s shows the password:\n%s", what, said)
				}
			}
			var out bytes.Buffer
			commands := [][]string{{"server", "--help"}, {"check", "--help"}, {"check"}, {url}, {"server", url}, {"grants", url},
				{"setup"}, {"setup", url}, {"setup", "--role", url}, {"setup", "--dry-run"}, {"status", url}, {"status", "--url", url},
				{"help", url}, {"metrics", url}, {"metrics", "coderd_agents_up", url}, {"metrics", "--drop-from-coder"}, {"metrics", "--drop-from-coder", url}, {"completion", url}, {"completion", "bash", url}, {"version", url},
				{"--" + url}, {"server", "--" + url}, {"completion", "--" + url}, {"completion", "bash", "--" + url}, {"server", "-" + url}}
			if url != secret { // which is also a valid name
				commands = append(commands, []string{"grants", "--role", url}, []string{"grants", "--schema", url},
					[]string{"check", "--postgres-url=", "--postgres-url-file", url},
					[]string{"server", "--prometheus-enable", "--prometheus-address", "127.0.0.1:0", "--health-address", "127.0.0.1:0", "--web-config-file", url})
			}
			for _, args := range commands {
				out.Reset()
				err := run(t.Context(), append([]string{"otelcoder"}, args...), &out, &out)
				silent(args[0], out.String())
				if err != nil {
					silent(args[0]+"'s error", err.Error())
				}
			}

			ended := make(chan error, 1)
			log := new(logged.Log)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				ended <- run(ctx, []string{"otelcoder", "server", "--prometheus-enable", "--prometheus-address", "127.0.0.1:0",
					"--health-address", "127.0.0.1:0", "--interval", "1s", "--log-level", "debug"}, log, log)
			}()
			select {
			case err := <-ended:
				if err == nil {
					t.Error("the server ended without an error")
				} else {
					silent("its error", err.Error())
				}
			case ready := <-log.Find(readyLine):
				s := &service{ready[1], ready[2], log}
				s.until(t, "/", "a source fails", func(scrape string) bool {
					silent("a scrape", scrape)
					return strings.Contains(log.String(), `msg="not collected" source=agents`)
				})
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			silent("the log", log.String())
		})
	}
}

// FuzzPassword checks that no command shows the password in a database's URL, escaped or
// not.
func FuzzPassword(f *testing.F) {
	for _, before := range []string{"", "12/", "/", "7/", "12,34/", "p@", "p@12/", "12/x?y=", "12?", "[", "#", "%zz", "%2F", "'", "\\", "\n", " ", ":", ","} {
		f.Add(before, "")
		f.Add("", before)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "hunter2"
		raw := before + secret + after
		escaped := url.QueryEscape(raw)
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(raw)
		for _, url := range []string{
			"postgres://otelcoder:" + raw + "@127.0.0.1:1/coder?connect_timeout=1",
			"postgres://otelcoder:" + escaped + "@127.0.0.1:1/coder?connect_timeout=1",
			"postgres://otelcoder@127.0.0.1:1/coder?connect_timeout=1&password=" + escaped,
			"host=127.0.0.1 port=1 connect_timeout=1 user=otelcoder password='" + quoted + "' dbname=coder",
		} {
			for _, args := range [][]string{
				{"check", "--postgres-url", url}, {"check", "--postgres-url=" + url, "--help"}, {"check", url}, {url}, {"grants", url},
				{"setup", "--role", url}, {"grants", "--role", url}, {"grants", "--schema", url}, {"status", "--url", url}, {"status", url},
				{"check", "--postgres-url-file", url}, {"check", "--postgres-url-file=" + url},
				{"metrics", "--drop-from-coder", "--postgres-url", url}, {"metrics", "--drop-from-coder", url},
				{"server", url}, {"server", "--postgres-url", url}, // fails: nothing is enabled
				{"server", "--otlp-endpoint", url},
			} {
				var out bytes.Buffer
				err := run(t.Context(), append([]string{"otelcoder"}, args...), &out, &out)
				if err != nil {
					out.WriteString(err.Error())
				}
				if strings.Contains(out.String(), secret) {
					t.Errorf("otelcoder %q shows the password:\n%s", args, &out)
				}
			}
		}
	})
}
