package otlp

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Protocol is a transport of OTLP, named as OTEL_EXPORTER_OTLP_PROTOCOL names it.
type Protocol string

// The protocols that metrics and traces can be pushed over.
const (
	HTTP Protocol = "http/protobuf"
	GRPC Protocol = "grpc"
)

// signal is one of the two things that are pushed, as variables name it.
type signal string

const (
	metrics signal = "METRICS"
	traces  signal = "TRACES"
)

// target is where a signal is pushed to.
type target struct {
	protocol Protocol
	url      string // empty: the exporter takes it from the environment
	endpoint string // for the log
}

// target reads what the SDK and its exporters leave to their host: whether to
// push the signal at all, and over which protocol. It returns nil if the signal
// is not pushed.
func (c config) target(s signal) (*target, error) {
	if exporters := env("OTEL_" + string(s) + "_EXPORTER"); exporters != "" && !slices.Contains(list(exporters), "otlp") {
		return nil, nil
	}
	setting, endpoint := "the OTLP endpoint", c.endpoint
	if endpoint == "" {
		setting, endpoint = s.variable("ENDPOINT")
	}
	if endpoint == "" {
		return nil, nil
	}
	protocol, err := c.protocolOf(s)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(endpoint)
	isHTTP := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	// gRPC's exporter takes more from the environment, such as a host and port;
	// but with a password it would be an error that shows it.
	if err != nil || !isHTTP && (protocol == HTTP || c.endpoint != "" || strings.Contains(endpoint, "@")) {
		return nil, fmt.Errorf("%s is %q: give a URL such as http://localhost:4318", setting, withoutUser(endpoint))
	}
	t := &target{protocol: protocol, endpoint: withoutUser(endpoint)}
	if c.endpoint != "" {
		if protocol == HTTP {
			u = u.JoinPath("v1", strings.ToLower(string(s))) // #nosec G125 -- "metrics" or "traces"
		}
		t.url = u.String()
	}
	return t, nil
}

// withoutUser is what may be shown of an endpoint, which need not be a URL: it
// may hold a password before an @.
func withoutUser(endpoint string) string {
	at := strings.LastIndexByte(endpoint, '@')
	if at < 0 {
		return endpoint
	}
	scheme, _, ok := strings.Cut(endpoint, "://")
	if !ok {
		return endpoint[at+1:]
	}
	return scheme + "://" + endpoint[at+1:]
}

func (c config) protocolOf(s signal) (Protocol, error) {
	setting, value := "the OTLP protocol", string(c.protocol)
	if value == "" {
		setting, value = s.variable("PROTOCOL")
	}
	switch p := cmp.Or(Protocol(value), HTTP); p {
	case HTTP, GRPC:
		return p, nil
	}
	return "", fmt.Errorf("%s is %q: give %s or %s", setting, value, HTTP, GRPC)
}

// variable returns the name and the value of a signal's variable, or of the one
// for all signals if the signal's is unset.
func (s signal) variable(setting string) (name, value string) {
	name = "OTEL_EXPORTER_OTLP_" + string(s) + "_" + setting
	if value = env(name); value == "" {
		name = "OTEL_EXPORTER_OTLP_" + setting
		value = env(name)
	}
	return name, value
}

// exportTimeout is that of a batch of metrics.
func exportTimeout() time.Duration {
	milliseconds, err := strconv.Atoi(env("OTEL_METRIC_EXPORT_TIMEOUT"))
	if err != nil || milliseconds <= 0 {
		return 30 * time.Second // OpenTelemetry's default
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// env returns a variable. An empty one is an unset one, as OpenTelemetry has it.
func env(name string) string { return strings.TrimSpace(os.Getenv(name)) }

func list(value string) []string {
	words := strings.Split(value, ",")
	for i, word := range words {
		words[i] = strings.TrimSpace(word)
	}
	return words
}
