package coderdb

import (
	"context"
	"log/slog"
)

// stateLog logs a line when a state changes, and not each time it is met again.
type stateLog struct {
	logger *slog.Logger
	state  string
}

func (l *stateLog) change(level slog.Level, message string, attributes ...any) {
	if l.state == message {
		return
	}
	l.state = message
	l.logger.Log(context.Background(), level, message, attributes...)
}
