package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/otelcoder/otelcoder/internal/status"
)

// maxStatus is the maximum size of a report in bytes. A usual one has about 50 KB.
const maxStatus = 16 << 20

func statusCommand() *cli.Command {
	var address, output string
	return &cli.Command{
		Name:  "status",
		Usage: "print the status page of a running service",
		Description: `It prints the contents of the service's page /status: the reporter, the deployment,
sources, refused values, push and scrapes. Its exit code is 1 if the service cannot
be reached or has a problem: the database is unreachable, or a source or the push
fails. It is 0 for a service that reports, starts or is on standby.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name:        "url",
				Usage:       "`URL` of the service's metrics, such as https://user:password@host:port with TLS and a password; prefer the variable then, since other users of this host can see the flags of a process",
				Sources:     variable("OTELCODER_STATUS_URL"),
				Value:       "http://127.0.0.1:2112",
				Destination: &address,
			},
			&cli.StringFlag{
				Name:        "output",
				Usage:       "output `FORMAT`: text or json",
				Value:       "text",
				Validator:   validFormat,
				Destination: &output,
			},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			at, err := statusURL(address)
			if err != nil {
				return misused(err)
			}
			return printStatus(ctx, at, output, c.Root().Writer)
		},
	}
}

// statusURL returns the URL of the page. Its error does not quote the address, which may
// contain a password. An ambiguous address is an error, since other errors show its host.
func statusURL(address string) (*url.URL, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	_, rest, _ := strings.Cut(address, "://")
	_, path, _ := strings.Cut(rest, "/")
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" ||
		strings.Count(rest, "@") > 1 || strings.Contains(path, "@") || strings.ContainsAny(address, "?#") {
		return nil, errors.New("invalid value for --url: give http://host:port or https://user:password@host:port, " +
			"with special characters of the password percent-encoded")
	}
	if prefix, ok := strings.CutSuffix(strings.TrimSuffix(u.Path, "/"), "/metrics"); ok {
		u.Path, u.RawPath = prefix, "" // /status is a sibling of /metrics
	}
	if !strings.HasSuffix(u.Path, "/status") {
		u = u.JoinPath("status")
	}
	return u, nil
}

// printStatus prints the report of a service. Its error names the remedy, or means that
// the report has a problem.
func printStatus(ctx context.Context, at *url.URL, output string, stdout io.Writer) error {
	client := &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		Timeout:       15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	body, err := fetchStatus(ctx, client, at)
	if err != nil {
		return err
	}
	var report status.Report
	if err := json.Unmarshal(body, &report); err != nil || report.State == "" || report.Headline == "" {
		return fmt.Errorf("%s is not the status page of otelcoder: set --url to the address of its metrics", shownURL(at))
	}
	if output == "json" {
		_, err = stdout.Write(body)
	} else {
		err = status.WriteText(stdout, report, colours(stdout))
	}
	if err != nil {
		return err
	}
	if report.State == status.StateDegraded || report.State == status.StateUnreachable {
		return fmt.Errorf("the service is %s", report.State)
	}
	return nil
}

// shownURL returns a URL without user and password.
func shownURL(u *url.URL) string {
	shown := *u
	shown.User = nil
	return shown.String()
}

// fetchStatus returns the report as JSON.
func fetchStatus(ctx context.Context, client *http.Client, at *url.URL) ([]byte, error) {
	withFormat := *at
	withFormat.RawQuery = "format=json"
	response, err := httpGet(ctx, client, &withFormat)
	if err != nil {
		return nil, explainUnreachable(at, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxStatus+1))
	if err != nil {
		return nil, explainUnreachable(at, err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		if len(body) > maxStatus {
			return nil, fmt.Errorf("%s is not the status page of otelcoder: it is larger than %d MiB", shownURL(at), maxStatus>>20)
		}
		return body, nil
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("%s requires a user and password, or refuses the given ones: set OTELCODER_STATUS_URL to https://user:password@host:port", shownURL(at))
	case http.StatusBadRequest:
		if at.Scheme == "http" && strings.Contains(string(body), "HTTPS server") {
			return nil, fmt.Errorf("%s is served with TLS: use https:// in --url", shownURL(at))
		}
	case http.StatusNotFound:
		if servesMetrics(ctx, client, at) {
			return nil, fmt.Errorf("%s does not exist: this otelcoder is older or does not serve the page; its metrics are at /metrics", shownURL(at))
		}
		return nil, fmt.Errorf("%s does not exist: another program answers; set --url to the address of otelcoder's metrics", shownURL(at))
	}
	return nil, fmt.Errorf("%s answers with status %d: is it the address of otelcoder's metrics?", shownURL(at), response.StatusCode)
}

func httpGet(ctx context.Context, client *http.Client, at *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	return client.Do(request)
}

// servesMetrics reports whether a service serves /metrics/replica, a path that only
// otelcoder has.
func servesMetrics(ctx context.Context, client *http.Client, at *url.URL) bool {
	response, err := httpGet(ctx, client, at.JoinPath("..", "metrics", "replica"))
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// explainUnreachable adds the remedy to an error of the client, and removes the URL,
// which the client quotes.
func explainUnreachable(at *url.URL, err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	host := shownURL(&url.URL{Scheme: at.Scheme, Host: at.Host})
	var todo string
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		todo = "set SSL_CERT_FILE to the file of its CA"
		if _, ok := errors.AsType[x509.HostnameError](err); ok {
			todo = "use a host name of its certificate in --url"
		}
	} else if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		todo = "it is served without TLS: use http:// in --url"
	} else if _, ok := errors.AsType[tls.AlertError](err); ok || strings.Contains(err.Error(), "remote error: tls: ") {
		todo = "if it requires a client certificate, which this command does not support, run curl --cert FILE --key FILE " + host + "/status?format=json"
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		todo = "start it with otelcoder server --prometheus-enable, or set --url to its address"
	} else {
		todo = "set --url to the address of otelcoder's metrics"
	}
	return fmt.Errorf("cannot reach %s: %w: %s", host, err, todo)
}
