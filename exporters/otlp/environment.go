package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
)

// Protocol is a transport of OTLP, a value of OTEL_EXPORTER_OTLP_PROTOCOL.
type Protocol string

// The supported protocols.
const (
	HTTP Protocol = "http/protobuf"
	GRPC Protocol = "grpc"
)

// signal is a signal as in the names of its variables.
type signal string

const (
	metrics signal = "METRICS"
	traces  signal = "TRACES"
)

// target is the destination of a signal.
type target struct {
	protocol Protocol
	url      string             // empty: from the environment
	endpoint string             // for logs: without user, password and query
	headers  map[string]string  // or nil
	tls      *tls.Config        // nil: from the environment
	client   *http.Client       // nil: the exporter's own
	idle     *http.Client       // client to close idle connections of, or nil
	conn     *grpc.ClientConn   // nil: the exporter's own
	exporter sdkmetric.Exporter // replaces all of the above, or nil
}

// target returns the target of a signal from the options and the environment, or nil if
// the signal is not pushed. Its error names an invalid variable, but not the value,
// which may be a secret.
//
// The SDK's exporters read the same variables, but log and ignore invalid values.
func (c config) target(s signal) (*target, error) {
	if exporters := env("OTEL_" + string(s) + "_EXPORTER"); exporters != "" && !slices.Contains(list(exporters), "otlp") {
		return nil, nil
	}
	if s == metrics && c.exporter != nil {
		return &target{
			endpoint: fmt.Sprintf("%T", c.exporter),
			exporter: newSharedExporter(c.exporter, 2), // Deployment and Process
		}, s.check()
	}
	setting, endpoint := "the OTLP endpoint", c.endpoint
	if endpoint == "" {
		setting, endpoint = s.variable("ENDPOINT")
	}
	if endpoint == "" && c.grpcConn == nil {
		return nil, nil
	}
	protocol, err := c.protocolOf(s)
	if err != nil {
		return nil, err
	}
	t := &target{protocol: protocol, tls: c.tls, client: c.httpClient, conn: c.grpcConn}
	if t.headers, err = c.headersOf(s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if t.conn != nil {
		t.endpoint = t.conn.Target()
		return t, nil
	}
	tlsConfig, err := c.tlsOf(s)
	if err != nil {
		return nil, err
	}

	u, ok := parseEndpoint(endpoint)
	if !ok {
		if protocol == GRPC && c.endpoint == "" && isGRPCAddress(endpoint) {
			t.endpoint = endpoint
			return t, nil
		}
		return nil, fmt.Errorf("%s is not the URL of a receiver: give one such as http://localhost:4318", setting)
	}
	if u.Scheme == "http" && c.tls != nil {
		return nil, fmt.Errorf("%s is an http URL, but WithTLS is given: use https", setting)
	}
	if protocol == HTTP && u.Scheme == "http" && tlsConfig != nil {
		return nil, fmt.Errorf("%s is an http URL, but a certificate is given: use https", setting)
	}
	if protocol == GRPC && u.RawQuery != "" {
		return nil, fmt.Errorf("%s has a query, which gRPC cannot send: leave it out, or use %s", setting, HTTP)
	}
	if u.User != nil && !t.authorize(u.User) {
		return nil, fmt.Errorf("%s has a user, and the headers have an authorization: give only one", setting)
	}
	if u.RawQuery != "" {
		if t.client == nil {
			t.client = newClient(tlsConfig, s.timeout())
			t.idle = t.client
		}
		t.client = withQuery(t.client, u.RawQuery)
	}
	u.User, u.RawQuery = nil, ""
	t.endpoint = u.String()
	if c.endpoint != "" {
		if protocol == HTTP {
			u = u.JoinPath("v1", strings.ToLower(string(s))) // #nosec G125 -- "metrics" or "traces"
		}
		t.url = u.String()
	}
	return t, nil
}

// authorize adds an Authorization header for user. It returns false if the headers
// already have one.
func (t *target) authorize(user *url.Userinfo) bool {
	for name := range t.headers {
		if strings.EqualFold(name, "authorization") {
			return false
		}
	}
	if t.headers == nil {
		t.headers = make(map[string]string)
	}
	password, _ := user.Password()
	t.headers["authorization"] = "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
	return true
}

// parseEndpoint parses the URL of a receiver. It accepts an @ only after user and
// password: the parts of a password that is not percent-encoded can end up in host and
// path, which are logged.
func parseEndpoint(endpoint string) (*url.URL, bool) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
		return nil, false
	}
	at := strings.Count(endpoint, "@")
	return u, at == 0 || at == 1 && u.User != nil
}

// isGRPCAddress reports whether an address that is not an HTTP URL is valid for the
// gRPC exporter: a host, with or without a port, or a target such as
// dns:///collector:4317.
func isGRPCAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || strings.ContainsAny(address, "@?#") {
		return false
	}
	if _, err := strconv.ParseUint(u.Opaque, 10, 16); err == nil {
		return true
	}
	return slices.Contains([]string{"", "dns", "passthrough", "unix", "unix-abstract", "xds"}, u.Scheme)
}

func (c config) protocolOf(s signal) (Protocol, error) {
	if c.protocol != "" {
		return c.protocol, nil
	}
	setting, value := s.variable("PROTOCOL")
	switch p := cmp.Or(Protocol(value), HTTP); p {
	case HTTP, GRPC:
		return p, nil
	}
	return "", fmt.Errorf("%s is %q: give %s or %s", setting, value, HTTP, GRPC)
}

// names returns the variables of a setting: the one for all signals, and the signal's
// own, which overrides it.
func (s signal) names(setting string) [2]string {
	return [2]string{"OTEL_EXPORTER_OTLP_" + setting, "OTEL_EXPORTER_OTLP_" + string(s) + "_" + setting}
}

// variable returns name and value of the signal's variable, or if it is unset of the
// variable for all signals.
func (s signal) variable(setting string) (name, value string) {
	names := s.names(setting)
	if value := env(names[1]); value != "" {
		return names[1], value
	}
	return names[0], env(names[0])
}

// headersOf returns the headers of a signal from options or environment, or nil.
func (c config) headersOf(s signal) (map[string]string, error) {
	if c.headers != nil {
		return maps.Clone(c.headers), nil
	}
	return s.headers()
}

// tlsOf returns the TLS configuration of a signal from options or environment; nil for
// the default, or with WithHTTPClient.
func (c config) tlsOf(s signal) (*tls.Config, error) {
	if c.tls != nil || c.httpClient != nil {
		return c.tls, nil
	}
	return s.tlsConfig()
}

// headers returns the headers of the environment, or nil.
func (s signal) headers() (map[string]string, error) {
	var headers map[string]string
	for _, name := range s.names("HEADERS") {
		value := env(name)
		if value == "" {
			continue
		}
		headers = make(map[string]string)
		for entry := range strings.SplitSeq(value, ",") {
			header, escaped, ok := strings.Cut(entry, "=")
			header = strings.TrimSpace(header)
			text, err := url.PathUnescape(escaped)
			if !ok || err != nil || !isToken(header) || strings.ContainsFunc(text, isControl) {
				return nil, fmt.Errorf("%s is not a list of headers: give name=value, several with commas between them, special characters of a value percent-encoded", name)
			}
			headers[header] = strings.TrimSpace(text)
		}
	}
	return headers, nil
}

// isToken reports whether name is a valid name of a header.
func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

// tlsConfig reads the certificate files of the environment. It returns nil without any.
func (s signal) tlsConfig() (*tls.Config, error) {
	var config tls.Config
	for _, name := range s.names("CERTIFICATE") {
		if env(name) == "" {
			continue
		}
		pem, err := readFile(name)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: the file has no certificate", name)
		}
	}
	keys := s.names("CLIENT_KEY")
	for i, name := range s.names("CLIENT_CERTIFICATE") {
		if env(name) == "" && env(keys[i]) == "" {
			continue
		}
		if env(name) == "" || env(keys[i]) == "" {
			return nil, fmt.Errorf("only one of %s and %s is set: give both", name, keys[i])
		}
		certificate, err := readFile(name)
		if err != nil {
			return nil, err
		}
		key, err := readFile(keys[i])
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("%s and %s are not a certificate and its key", name, keys[i])
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if config.RootCAs == nil && config.Certificates == nil {
		return nil, nil
	}
	return &config, nil
}

// readFile reads the file that a variable names. Its error does not show the value:
// it may be the key itself.
func readFile(variable string) ([]byte, error) {
	content, err := os.ReadFile(env(variable))
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		err = file.Err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the file cannot be read: %w", variable, err)
	}
	return content, nil
}

// check returns an error for invalid variables that the SDK would ignore.
func (s signal) check() error {
	for _, name := range s.names("COMPRESSION") {
		if value := env(name); value != "" && value != "gzip" && value != "none" {
			return fmt.Errorf("%s must be gzip or none", name)
		}
	}
	names := s.names("TIMEOUT")
	for _, name := range append(names[:], "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT") {
		if env(name) != "" && milliseconds(env(name)) == 0 {
			return fmt.Errorf("%s must be a number of milliseconds, such as 30000", name)
		}
	}
	return nil
}

// timeout returns the maximum time for the receiver to answer.
func (s signal) timeout() time.Duration {
	_, value := s.variable("TIMEOUT")
	return cmp.Or(milliseconds(value), 10*time.Second) // OpenTelemetry's default
}

// exportInterval returns the time between two pushes of metrics. The SDK reads the same
// variable, but does not trim it.
func exportInterval() time.Duration {
	return cmp.Or(milliseconds(env("OTEL_METRIC_EXPORT_INTERVAL")), time.Minute) // OpenTelemetry's default
}

// exportTimeout returns the timeout of a batch of metrics.
func exportTimeout() time.Duration {
	return cmp.Or(milliseconds(env("OTEL_METRIC_EXPORT_TIMEOUT")), 30*time.Second) // OpenTelemetry's default
}

// milliseconds parses a number of milliseconds, at most 24 days. It returns 0 if value
// is invalid.
func milliseconds(value string) time.Duration {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Millisecond // #nosec G115 -- 31 bits
}

// env returns a trimmed variable. OpenTelemetry treats an empty variable as unset.
func env(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// isTrue reports whether a variable is true, in any case, as in OpenTelemetry.
func isTrue(name string) bool { return strings.EqualFold(env(name), "true") }

func list(value string) []string {
	words := strings.Split(value, ",")
	for i, word := range words {
		words[i] = strings.TrimSpace(word)
	}
	return words
}
