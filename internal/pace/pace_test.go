package pace

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p Pace
		for _, step := range []struct {
			wait time.Duration
			n    int
			want int64
		}{
			{0, 3, 3}, {0, 1, 0}, {59 * time.Second, 2, 0}, {time.Second, 1, 4}, {time.Hour, 1, 1},
		} {
			time.Sleep(step.wait)
			if got := p.Add(step.n); got != step.want {
				t.Errorf("after %s: got %d, want %d", step.wait, got, step.want)
			}
		}
	})
}

func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(Handler(slog.NewTextHandler(&log, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})))
		logger.Info("one")
		logger.Info("two")
		for range 10 {
			logger.With("from", "a").Warn("three")
			logger.WithGroup("g").Error("four", "k", "v")
		}
		time.Sleep(time.Minute)
		logger.Error("five")
		const want = "level=INFO msg=one\nlevel=INFO msg=two\nlevel=WARN msg=three from=a\nlevel=ERROR msg=five more=19\n"
		if log.String() != want {
			t.Errorf("got log\n%swant\n%s", &log, want)
		}
	})
}
