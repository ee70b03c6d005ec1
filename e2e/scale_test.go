package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/e2e/invariant"
)

// TestWorkspaces checks that 5,000 workspaces are all served. The SDK's default limit would
// keep 2,000 and fold the rest into one overflow series, which scrapeUntil rejects for its
// undocumented label.
func TestWorkspaces(t *testing.T) {
	c := program.Start(t, "--workspaces", "5000", "--load", "0")
	s := scrapeUntil(t, c.Metrics, 50*time.Second, func(s *invariant.Scrape) error {
		f := s.Family("coderd_agents_up")
		if f == nil || len(f.Samples) == 0 {
			return fmt.Errorf("no series of coderd_agents_up")
		}
		return nil
	})
	if got := len(s.Family("coderd_agents_up").Samples); got != 5000 {
		t.Errorf("got %d series of coderd_agents_up, want 5000", got)
	}
}
