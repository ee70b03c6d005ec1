package meters

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newMeters returns meters that are shut down when the test ends.
func newMeters(t testing.TB, options ...Option) (*meterstest.Reader, *Meters) {
	t.Helper()
	m := meterstest.NewReader(t)
	return m, newMetersOn(t, m, options...)
}

func newMetersOn(t testing.TB, m *meterstest.Reader, options ...Option) *Meters {
	t.Helper()
	meters, err := New(m.Providers(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := meters.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return meters
}
