package meters

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestPollOfTheOtherEdition checks that sources of another edition than the providers are not
// called, and count as failing.
func TestPollOfTheOtherEdition(t *testing.T) {
	for _, test := range []struct {
		sources, providers instrument.Edition
		error              string
	}{
		{instrument.Documented, instrument.Coder, "the sources are of the edition documented, and the meter providers of the edition coder"},
		{instrument.Coder, instrument.Documented, "the sources are of the edition coder, and the meter providers of the edition documented"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var l log
			m := meterstest.NewReaderOf(t, test.providers)
			poll(t, m, Sources{Edition: test.sources, ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
				t.Error("the source is called")
				return 7, nil
			})}, l.option())
			m.Expect(t, `# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="active_users"} 0
`, instrument.APIActiveUsers, instrument.HealthSourceUp)
			l.want(t, `level=WARN msg="source fails" source=active_users error="`+test.error+
				`: pass coderdb.WithEdition and exporters.WithEdition the same edition, or set Sources.Edition"`)
		})
	}
}

// TestPollLeavesOutOtherEditions checks that a source is not called if the edition has none
// of its families.
func TestPollLeavesOutOtherEditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, Sources{
			ActiveUsers: activeUsersFunc(answers(7)),
			Users: usersFunc(func(context.Context) (map[UserStatus]int, error) {
				t.Error("the source of users is called")
				return nil, errors.New("no such table")
			}),
		})
		time.Sleep(time.Hour)
		m.Expect(t, `# TYPE otelcoder_source_up gauge
otelcoder_source_up{source="active_users"} 1
`, instrument.HealthSourceUp)
	})
}

// TestNewOfUnknownEdition checks that New refuses providers of an unknown edition.
func TestNewOfUnknownEdition(t *testing.T) {
	_, err := New(instrument.Providers{Edition: instrument.Coder + 1})
	const want = "create the meters: Providers.Edition is edition 2: it must be from documented to coder"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
