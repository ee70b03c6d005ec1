package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"google.golang.org/grpc/grpclog"
)

// captureLibraryLogs redirects the global loggers of OpenTelemetry and gRPC to
// [slog.Default]. It must be called before gRPC is used.
func captureLibraryLogs() {
	otel.SetLogger(logr.New(otelLog{}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("OpenTelemetry: error", "error", err) }))
	grpclog.SetLoggerV2(grpcLog{})
}

// otelLog drops the attributes of OpenTelemetry's log, since they contain values of
// variables, such as headers, and whole collections.
type otelLog struct{}

func (otelLog) Init(logr.RuntimeInfo) {}

// Enabled reports whether a level is logged. OpenTelemetry has 1 for warnings, 4
// for information and 8 for debugging.
func (otelLog) Enabled(level int) bool {
	return level <= 4 && slog.Default().Enabled(context.Background(), otelLevel(level))
}

func (otelLog) Info(level int, message string, _ ...any) {
	slog.Log(context.Background(), otelLevel(level), "OpenTelemetry: "+message)
}

func (otelLog) Error(err error, message string, _ ...any) {
	slog.Warn("OpenTelemetry: "+message, "error", err)
}

func (l otelLog) WithValues(...any) logr.LogSink { return l }
func (l otelLog) WithName(string) logr.LogSink   { return l }

func otelLevel(level int) slog.Level {
	if level <= 1 {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// grpcLog logs gRPC's warnings at level DEBUG, since gRPC logs one for each attempt to
// connect; package otlp logs when pushes begin to fail.
type grpcLog struct{}

func (grpcLog) Info(...any)          {}
func (grpcLog) Infoln(...any)        {}
func (grpcLog) Infof(string, ...any) {}
func (grpcLog) Warning(args ...any)  { slog.Debug("gRPC: " + fmt.Sprint(args...)) }
func (grpcLog) Warningln(args ...any) {
	slog.Debug("gRPC: " + strings.TrimSpace(fmt.Sprintln(args...)))
}
func (grpcLog) Warningf(format string, args ...any) {
	slog.Debug("gRPC: " + fmt.Sprintf(format, args...))
}
func (grpcLog) Error(args ...any)                   { slog.Warn("gRPC: " + fmt.Sprint(args...)) }
func (grpcLog) Errorln(args ...any)                 { slog.Warn("gRPC: " + strings.TrimSpace(fmt.Sprintln(args...))) }
func (grpcLog) Errorf(format string, args ...any)   { slog.Warn("gRPC: " + fmt.Sprintf(format, args...)) }
func (l grpcLog) Fatal(args ...any)                 { l.Error(args...); os.Exit(1) }
func (l grpcLog) Fatalln(args ...any)               { l.Errorln(args...); os.Exit(1) }
func (l grpcLog) Fatalf(format string, args ...any) { l.Errorf(format, args...); os.Exit(1) }
func (grpcLog) V(int) bool                          { return false }
