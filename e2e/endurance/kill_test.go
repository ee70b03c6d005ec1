package endurance

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e/answer"
)

// TestKilled kills the example at random moments under load. It checks that the example
// starts again each time, and serves valid scrapes at once.
func TestKilled(t *testing.T) {
	for range *kills {
		c := program.Start(t, "--load", "500")
		deadline := time.Now().Add(rand.N(500 * time.Millisecond))
		for first := true; first || time.Now().Before(deadline); first = false {
			a, err := answer.Get(c.Metrics)
			if err != nil {
				t.Fatal(err)
			}
			sound(t, "example", a)
		}
		c.Kill()
	}
}
