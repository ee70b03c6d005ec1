package coderdb

import (
	"context"
	"log/slog"

	"github.com/otelcoder/otelcoder/internal/outage"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// stateLog logs the changes of the role.
type stateLog struct {
	logger   *slog.Logger
	failures *outage.Log
	state    string
}

func newStateLog(logger *slog.Logger) stateLog {
	return stateLog{
		logger:   logger,
		failures: outage.New(logger, outage.Messages{Begins: "no process can report the deployment through this connection"}),
	}
}

// change logs a new state of the role.
func (l *stateLog) change(level slog.Level, message string, attributes ...any) {
	l.failures.Recovered(l)
	if l.state == message {
		return
	}
	l.state = message
	l.logger.Log(context.Background(), level, message, attributes...)
}

// failed logs why the process has no role.
func (l *stateLog) failed(err error) {
	if l.failures.Failed(l, postgres.OneLine(err)) {
		l.state = ""
	}
}
