package postgres

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// TestParameterErrors checks that the error for an invalid parameter names the parameter and
// does not show its value.
func TestParameterErrors(t *testing.T) {
	const cannotUse = "the URL of the database cannot be used: "
	notPEM := filepath.Join(t.TempDir(), "hunter2.pem")
	if err := os.WriteFile(notPEM, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	services := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(services, []byte("[other]\nhost=localhost\n[wrong]\nhunter2=hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for parameters, want := range map[string]string{
		"sslmode=hunter2":                                        cannotUse + "sslmode must be disable, allow, prefer, require, verify-ca or verify-full",
		"sslrootcert=/hunter2":                                   cannotUse + "the file of sslrootcert cannot be read: no such file or directory",
		"sslrootcert=" + notPEM:                                  cannotUse + "the file of sslrootcert has no certificate",
		"sslkey=/hunter2&sslcert=" + notPEM:                      cannotUse + "the file of sslkey cannot be read: no such file or directory",
		"sslkey=hunter2":                                         cannotUse + "sslcert and sslkey must be given together",
		"sslkey=" + notPEM + "&sslcert=/hunter2":                 cannotUse + "the file of sslkey has no key",
		"target_session_attrs=hunter2":                           cannotUse + "target_session_attrs must be any, read-write, read-only, primary, standby or prefer-standby",
		"connect_timeout=hunter2":                                cannotUse + "connect_timeout must be a number of seconds",
		"connect_timeout=5s":                                     cannotUse + "connect_timeout must be a number of seconds",
		"channel_binding=hunter2":                                cannotUse + "channel_binding must be disable, prefer or require",
		"service=hunter2&servicefile=/hunter2":                   cannotUse + "service is given, but the service file (PGSERVICEFILE, or .pg_service.conf) cannot be read",
		"service=hunter2&servicefile=" + services:                cannotUse + "service is not in the service file (PGSERVICEFILE, or .pg_service.conf)",
		"service=wrong&servicefile=" + services:                  errParameter.Error(),
		"pool_max_conns=hunter2":                                 cannotUse + "the sizes and times of pool_... and ..._cache_capacity must be numbers, and times like 30s",
		"sslmde=hunter2":                                         errParameter.Error(),
		"hunter2=hunter2&sslrootcert=/hunter2":                   errParameter.Error(),
		"sslmode=require&sslinline=true&sslkey=hunter2%0Ahunter": errParameter.Error(),
		"sslmode":            errURL.Error(),
		"sslmode=require%zz": errURL.Error(),
	} {
		url := "postgres://otelcoder@localhost/coder?" + parameters
		if _, err := ParseConfig(url); err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", url, err, want)
		}
	}
}

// TestSessionSettings checks that settings of the URL reach the server.
func TestSessionSettings(t *testing.T) {
	url := pgtest.New(t).URL
	config, err := ParseConfig(url + "&search_path=coder&options=-c%20geqo%3Doff")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for setting, want := range map[string]string{"search_path": "coder", "geqo": "off", "application_name": "otelcoder"} {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %q, error %v; want %q", setting, got, err, want)
		}
	}
}

// FuzzPassword checks that no error of a URL or of its connections shows the password, and
// that it is not sent to the server as a setting.
func FuzzPassword(f *testing.F) {
	for _, before := range []string{
		"", "12/", "/", "7/", "12,34/", "12,34:56/", "p@", "p@12/", "12/x?", "12/x?y=z&", "[", "[::1]/", "#", "%", "%zz", "%2F", "?", "'", `\`, "\n", "\x00", " ", ":", ",", "&", "=",
	} {
		f.Add(before, "")
		f.Add("", before)
	}
	f.Add("12/x", "?sslmode=")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "hunter2"
		password := before + secret + after
		escaped := url.QueryEscape(password)
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
		for _, url := range []string{
			"postgres://otelcoder:" + password + "@127.0.0.1:5432/coder",
			"postgres://otelcoder:" + escaped + "@127.0.0.1:5432/coder",
			"postgres://otelcoder:" + url.PathEscape(password) + "@127.0.0.1,127.0.0.2:5432/coder?sslmode=disable",
			"postgresql://otelcoder:" + password + "@127.0.0.1/coder?sslmode=disable&connect_timeout=5",
			"postgres://otelcoder:" + password + "@/coder?host=/var/run",
			"postgres://otelcoder:" + password + "@[::1]:5432/coder",
			"postgres://otelcoder:" + password + "%40127.0.0.1:5432/coder",
			"postgres://otelcoder%3A" + password + "@127.0.0.1:5432/coder",
			"postgres://otelcoder@127.0.0.1/coder?password=" + escaped,
			"postgres://otelcoder@127.0.0.1/coder?sslmode=require&sslpassword=" + escaped,
			"host=127.0.0.1 user=otelcoder password='" + quoted + "' dbname=coder",
			"mysql://otelcoder:" + password + "@127.0.0.1:5432/coder",
		} {
			config, err := ParseConfig(url)
			if err == nil {
				refused := errors.New("refused")
				config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
				config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, refused }
				if _, err = pgx.ConnectConfig(t.Context(), config); !errors.Is(err, refused) {
					t.Errorf("%q: got error %v, want %v", url, err, refused)
				}
				for name, value := range config.RuntimeParams {
					if strings.Contains(name+value, secret) {
						t.Errorf("%q: the setting %s=%s shows the password", url, name, value)
					}
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q: got error %q, want one without the password", url, err)
			}
		}
	})
}
