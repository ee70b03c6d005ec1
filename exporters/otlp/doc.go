// Package otlp pushes the families of package exporters, under the same names, and
// traces to an OpenTelemetry collector or another OTLP receiver.
//
//	push, err := otlp.New(ctx, otlp.WithLogger(logger))
//	exporter, err := exporters.New(push.Metrics())
//	tracing, err := push.Traces(ctx)
//
// Metrics and Traces return nil if the signal is not pushed.
//
// The standard variables of OpenTelemetry configure it. A signal is pushed if
// OTEL_EXPORTER_OTLP_ENDPOINT, its variant for the signal, or [WithEndpoint] names a
// receiver. OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf, the default, or grpc.
// OTEL_METRICS_EXPORTER=none and OTEL_TRACES_EXPORTER=none turn a signal off,
// OTEL_SDK_DISABLED=true both. User and password in a URL are sent as basic
// authentication; over HTTP its query is kept. The SDK reads interval, timeouts,
// headers, compression, certificates, resource attributes and the sampler of traces
// from their variables; [New] refuses values that it would log and ignore. Temporality
// is always cumulative.
//
// Options set the endpoint, protocol, headers, TLS, HTTP client or gRPC connection,
// metric exporter and resource attributes. They override the variables, except those
// that turn a signal off.
//
// The Deployment group is pushed only while this process is the reporter, with a
// resource that is the same on every replica, so that a backend sees the same series
// when the reporter changes. The other families and the traces have a resource that
// identifies the replica.
//
// A receiver that fails or is slow delays neither scrapes nor requests. The batch in
// flight is kept until its timeout. If it is not answered within 3 s, or longer if the
// receiver is known to be slow, the rest of the collection is dropped; the next
// collection is cumulative and replaces it. Each push of metrics is counted in
// otelcoder_otlp_exports_total. The first accepted push and the start and the end of
// failures are logged, at level DEBUG each push of metrics.
package otlp
