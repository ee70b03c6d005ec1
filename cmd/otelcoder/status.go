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

// maxStatus is the greatest size of a report; one is about 50 KB.
const maxStatus = 16 << 20

func statusCommand() *cli.Command {
	var address, output string
	return &cli.Command{
		Name:  "status",
		Usage: "print the status page of a service that runs",
		Description: `It prints what the page /status of the service shows: who reports, the
deployment, sources, what was refused, push and scrapes. Its exit code is 1 if the
service cannot be asked, or if it shows a problem: the database is unreachable, or a
source or the push fails. It is 0 for a service that reports, starts or stands by.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name:        "url",
				Usage:       "`URL` of the metrics of the service, https://user:password@host:port where it asks for TLS and a password; best given by the variable then, since other users of this host see the flags of a process",
				Sources:     variable("OTELCODER_STATUS_URL"),
				Value:       "http://127.0.0.1:2112",
				Destination: &address,
			},
			&cli.StringFlag{
				Name:        "output",
				Usage:       "`FORMAT`: text or json",
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

// statusURL returns the URL of the page. Its error quotes nothing of the address,
// which may hold a password, and an address that can be read in two ways is an
// error: the host is shown by others.
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
		u.Path, u.RawPath = prefix, "" // the page is beside the metrics
	}
	if !strings.HasSuffix(u.Path, "/status") {
		u = u.JoinPath("status")
	}
	return u, nil
}

// printStatus prints the report of a service. An error says what to do, or that the
// report shows a problem.
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
		return fmt.Errorf("%s is not the status page of otelcoder: give the address of its metrics by --url", shownURL(at))
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
		return fmt.Errorf("not in order: the service is %s", report.State)
	}
	return nil
}

// shownURL is a URL without its user and password.
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
		return nil, fmt.Errorf("%s refuses the user and password, or asks for them: give https://user:password@host:port by OTELCODER_STATUS_URL", shownURL(at))
	case http.StatusBadRequest:
		if at.Scheme == "http" && strings.Contains(string(body), "HTTPS server") {
			return nil, fmt.Errorf("%s is served with TLS: give https:// by --url", shownURL(at))
		}
	case http.StatusNotFound:
		if servesMetrics(ctx, client, at) {
			return nil, fmt.Errorf("%s does not exist: this otelcoder is of an older version, or serves no page; its metrics are at /metrics", shownURL(at))
		}
		return nil, fmt.Errorf("%s does not exist: another program answers; give the address of otelcoder's metrics by --url", shownURL(at))
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

// servesMetrics reports whether a service serves metrics under a path that no other
// program has.
func servesMetrics(ctx context.Context, client *http.Client, at *url.URL) bool {
	response, err := httpGet(ctx, client, at.JoinPath("..", "metrics", "replica"))
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// explainUnreachable adds to an error of the client what to do. The client's own
// text quotes the URL.
func explainUnreachable(at *url.URL, err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	host := shownURL(&url.URL{Scheme: at.Scheme, Host: at.Host})
	var todo string
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		todo = "name the file of its CA by SSL_CERT_FILE"
		if _, ok := errors.AsType[x509.HostnameError](err); ok {
			todo = "give a host that its certificate names by --url"
		}
	} else if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		todo = "it is served without TLS: give http:// by --url"
	} else if _, ok := errors.AsType[tls.AlertError](err); ok || strings.Contains(err.Error(), "remote error: tls: ") {
		todo = "if it asks for a client certificate, which this command has not, run curl --cert FILE --key FILE " + host + "/status?format=json"
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		todo = "start it with otelcoder server --prometheus-enable, or give its address by --url"
	} else {
		todo = "give the address of otelcoder's metrics by --url"
	}
	return fmt.Errorf("cannot ask %s: %w: %s", host, err, todo)
}
