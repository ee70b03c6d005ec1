package answer

import (
	"testing"
	"time"
)

// An answer is slow only if the machine was not.
func TestSlow(t *testing.T) {
	for _, test := range []struct {
		took, bare time.Duration
		want       string
	}{
		{100 * time.Millisecond, time.Millisecond, ""},
		{101 * time.Millisecond, 49 * time.Millisecond, "a scrape took 101ms, when a bare server answered in 49ms"},
		{time.Second, 50 * time.Millisecond, ""},
	} {
		if got := (Answer{Took: test.took, bare: test.bare}).Slow(); got != test.want {
			t.Errorf("%v, %v: %q, want %q", test.took, test.bare, got, test.want)
		}
	}
}
