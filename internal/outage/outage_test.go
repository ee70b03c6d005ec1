package outage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/internal/outage"
)

const (
	refused  = "connection refused"
	starting = "the database system is starting up"
)

func TestOutage(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*outage.Log)
		want    []string
	}{
		"once for all parts and tries": {
			func(l *outage.Log) {
				for range 59 {
					l.Failed("pool", refused)
					l.Failed("role", refused)
					time.Sleep(time.Second)
				}
				l.Recovered("role")
				l.Recovered("pool")
				l.Recovered("pool")
			},
			[]string{`WARN msg=begins error="connection refused"`, `INFO msg=ends`},
		},
		"a minute apart while it lasts": {
			func(l *outage.Log) {
				for range 150 {
					l.Failed("pool", refused)
					l.Failed("role", refused)
					time.Sleep(time.Second)
				}
			},
			[]string{
				`WARN msg=begins error="connection refused"`,
				`WARN msg=lasts for=1m0s error="connection refused"`,
				`WARN msg=lasts for=2m0s error="connection refused"`,
			},
		},
		"another cause": {
			func(l *outage.Log) {
				l.Failed("pool", refused)
				l.Failed("pool", starting)
				l.Recovered("pool")
			},
			[]string{`WARN msg=begins error="connection refused"`, `WARN msg=begins error="the database system is starting up"`, `INFO msg=ends`},
		},
		"two causes in turn": {
			func(l *outage.Log) {
				for range 35 {
					l.Failed("pool", refused)
					time.Sleep(time.Second)
					l.Failed("pool", starting)
					time.Sleep(time.Second)
				}
			},
			[]string{
				`WARN msg=begins error="connection refused"`, `WARN msg=begins error="the database system is starting up"`,
				`WARN msg=lasts for=1m1s error="the database system is starting up"`,
			},
		},
		"one part recovers": {
			func(l *outage.Log) {
				l.Failed("pool", refused)
				l.Failed("role", starting)
				l.Recovered("pool")
				l.Failed("pool", refused)
				l.Recovered("role")
				l.Recovered("pool")
			},
			[]string{`WARN msg=begins error="connection refused"`, `WARN msg=begins error="the database system is starting up"`, `INFO msg=ends`},
		},
		"again, later": {
			func(l *outage.Log) {
				for range 2 {
					l.Failed("pool", refused)
					l.Recovered("pool")
					time.Sleep(time.Hour)
				}
			},
			[]string{
				`WARN msg=begins error="connection refused"`, `INFO msg=ends`,
				`WARN msg=begins error="connection refused"`, `INFO msg=ends`,
			},
		},
		"over and over": {
			func(l *outage.Log) {
				for range 59 {
					l.Failed("pool", refused)
					l.Recovered("pool")
					time.Sleep(time.Second)
				}
			},
			slices.Repeat([]string{`WARN msg=begins error="connection refused"`, `INFO msg=ends`}, 8),
		},
		"no outage": {func(l *outage.Log) { l.Recovered("pool") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := new(logged.Log)
				test.happens(outage.New(log.Logger(), outage.Messages{Begins: "begins", Lasts: "lasts", Ends: "ends"}))
				got := strings.ReplaceAll(strings.TrimSpace(log.String()), "level=", "")
				if want := strings.Join(test.want, "\n"); got != want {
					t.Errorf("got log\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// TestCausesThatNeverRepeat checks that causes which never repeat are logged at a bounded rate.
func TestCausesThatNeverRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(logged.Log)
		l := outage.New(log.Logger(), outage.Messages{Begins: "begins", Lasts: "lasts", Ends: "ends"})
		for second := range 10 * 60 {
			l.Failed("pool", fmt.Sprintf("read tcp 127.0.0.1:%d: connection reset", second))
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "\n"); n == 0 || n > 10*8 {
			t.Errorf("got %d log lines in ten minutes, want 1 to 80", n)
		}
	})
}
