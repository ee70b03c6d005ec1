// Package otlp pushes what is measured to an OpenTelemetry collector, or to
// anything else that speaks OTLP: the families that package exporters serves,
// under the same names, and traces.
//
//	push, err := otlp.New(ctx, otlp.WithLogger(logger))
//	exporter, err := exporters.New(push.Metrics())
//	tracing, err := push.Traces(ctx)
//
// Metrics and Traces return nil for what is not pushed.
//
// It is configured like every OpenTelemetry program. Something is pushed if
// OTEL_EXPORTER_OTLP_ENDPOINT, or its variant for a signal, names a receiver, or
// [WithEndpoint] does, over the protocol that OTEL_EXPORTER_OTLP_PROTOCOL names:
// http/protobuf, the default, or grpc. OTEL_METRICS_EXPORTER=none and
// OTEL_TRACES_EXPORTER=none turn a signal off, OTEL_SDK_DISABLED=true both. A user
// and a password in a URL are sent as basic authentication, and over HTTP its query is
// kept. Interval, timeouts, headers, compression, certificates, resource attributes and
// the traces' sampler are what the SDK and its exporters read from their variables; but
// [New] refuses the values that they would log and ignore. Temporality is always
// cumulative.
//
// Endpoint, protocol, headers, TLS, the HTTP client or the gRPC connection, the
// exporter of metrics and resource attributes can be given in code; each beats the
// variables of its setting. The variables that turn a signal off hold all the same.
//
// The families of the Deployment group are pushed only while this process
// reports them, with a resource that is the same on every replica, so that a
// backend sees one series whichever replica reports. The other families and the
// traces carry a resource that identifies the replica.
//
// A receiver that is absent, slow or refuses costs neither a scrape nor a request
// anything: a batch is held until it is sent or its time is up, what else was
// collected for three seconds, or longer if the receiver is known to be slow; the next
// collection, being cumulative, makes up for what is dropped. Each push of metrics
// is counted in otelcoder_otlp_exports_total. The first push that is accepted is
// logged, and when pushes begin to fail and succeed again; at level DEBUG, each push of
// metrics.
package otlp
