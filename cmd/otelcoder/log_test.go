package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A duration has its unit in both formats.
func TestLogDurations(t *testing.T) {
	for format, want := range map[string]string{"text": " in=1.5s\n", "json": `"in":"1.5s"}` + "\n"} {
		var log bytes.Buffer
		o := logOptions{format: format, level: slog.LevelInfo}
		o.logger(&log).Info("reporting", "in", 1500*time.Millisecond)
		if !strings.HasSuffix(log.String(), want) {
			t.Errorf("%s: %q, want the end %q", format, &log, want)
		}
	}
}
