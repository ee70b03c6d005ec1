package coderdb

import (
	"context"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/option/optiontest"
)

// TestOptions checks every option of every constructor.
func TestOptions(t *testing.T) {
	const (
		url      = "postgres://otelcoder@127.0.0.1:1/coder"
		interval = "must be from 1ms to 24h0m0s"
		timeout  = "must be from 1s to 24h0m0s"
	)
	db := open(t, url)
	optiontest.Run(t, []optiontest.Row[Option]{
		{Name: "nil", Option: nil},
		{Name: "WithLogger", Option: WithLogger(nil), Want: "nil"},
		{Name: "WithLogger", Option: WithLogger(slog.New(slog.DiscardHandler))},
		{Name: "WithURLFunc", Option: WithURLFunc(nil), Want: "nil"},
		{Name: "WithURLFunc", Option: WithURLFunc(func(context.Context) (string, error) { return url, nil })},

		{Name: "WithInterval", Option: WithInterval(-time.Second), Want: interval},
		{Name: "WithInterval", Option: WithInterval(0), Want: interval},
		{Name: "WithInterval", Option: WithInterval(time.Millisecond)},
		{Name: "WithInterval", Option: WithInterval(24 * time.Hour)},
		{Name: "WithInterval", Option: WithInterval(math.MaxInt64), Want: interval},

		{Name: "WithEdition", Option: WithEdition(instrument.Documented)},
		{Name: "WithEdition", Option: WithEdition(instrument.Coder)},
		{Name: "WithEdition", Option: WithEdition(instrument.Coder + 1), Want: "WithEdition is edition 2: it must be from documented to coder"},
		{Name: "WithPrebuildsHardLimit", Option: WithPrebuildsHardLimit(0)},
		{Name: "WithPrebuildsHardLimit", Option: WithPrebuildsHardLimit(-1), Want: "WithPrebuildsHardLimit is -1: it must be from 0 to 1000000"},
		{Name: "WithInactivityTimeout", Option: WithInactivityTimeout(-time.Second), Want: timeout},
		{Name: "WithInactivityTimeout", Option: WithInactivityTimeout(0), Want: timeout},
		{Name: "WithInactivityTimeout", Option: WithInactivityTimeout(time.Second)},
		{Name: "WithInactivityTimeout", Option: WithInactivityTimeout(24 * time.Hour)},
		{Name: "WithInactivityTimeout", Option: WithInactivityTimeout(math.MaxInt64), Want: timeout},

		{Name: "WithRegionNames", Option: WithRegionNames(nil)},
		{Name: "WithRegionNames", Option: WithRegionNames(map[int]string{math.MinInt: "", 0: "\xff", math.MaxInt: "far"})},
		{Name: "WithoutParameters", Option: WithoutParameters()},
		{Name: "WithoutAgentStats", Option: WithoutAgentStats()},

		{Name: "WithFollowInterval", Option: WithFollowInterval(-time.Second), Want: interval},
		{Name: "WithFollowInterval", Option: WithFollowInterval(0), Want: interval},
		{Name: "WithFollowInterval", Option: WithFollowInterval(time.Millisecond)},
		{Name: "WithFollowInterval", Option: WithFollowInterval(24 * time.Hour)},
		{Name: "WithFollowInterval", Option: WithFollowInterval(math.MaxInt64), Want: interval},

		{Name: "WithDatabase", Option: WithDatabase(nil), Want: "nil"},
		{Name: "WithDatabase", Option: WithDatabase(db)},
	}, map[string]func(*testing.T, Option) error{
		"Open": func(t *testing.T, option Option) error {
			db, err := Open(t.Context(), url, option)
			if err == nil {
				db.Close()
			}
			return err
		},
		"NewReporter": func(_ *testing.T, option Option) error {
			_, err := NewReporter(url, option)
			return err
		},
	}, "WithRegionNames")
}
