package meters

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestWithCollected checks that the function is called with the result of each source's first
// collection.
func TestWithCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type outcome struct {
			series map[instrument.Family]int
			took   time.Duration
			err    string
		}
		var mu sync.Mutex
		first := make(map[string]outcome)
		m := meterstest.NewReader(t)
		poll(t, m, Sources{
			ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
				time.Sleep(3 * time.Second)
				return 7, nil
			}),
			LatestBuilds: latestBuildsFunc(func(context.Context) ([]LatestBuilds, error) { return nil, errors.New("no such table") }),
			License:      licenseFunc(func(context.Context) (License, error) { panic("nobody") }),
			Jobs: runningJobsFunc(func(ctx context.Context) (map[Provisioner]int, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}),
		}, WithCollected(func(source string, series map[instrument.Family]int, took time.Duration, err error) {
			if source == "active_users" {
				wantValue(t, m, "coderd_api_active_users_duration_hour", 7)
			}
			mu.Lock()
			defer mu.Unlock()
			if _, later := first[source]; later {
				return
			}
			o := outcome{series: series, took: took}
			if err != nil {
				o.err = err.Error()
			}
			first[source] = o
		}))
		time.Sleep(31 * time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := map[string]outcome{
			"active_users":  {map[instrument.Family]int{instrument.APIActiveUsers: 1}, 3 * time.Second, ""},
			"latest_builds": {map[instrument.Family]int{instrument.APIWorkspaceLatestBuild: 0}, 0, "no such table"},
			"license":       {map[instrument.Family]int{instrument.LicenseActiveUsers: 0, instrument.LicenseLimitUsers: 0, instrument.LicenseUserLimitEnabled: 0}, 0, "panic: nobody"},
			"jobs":          {map[instrument.Family]int{instrument.ProvisionerdJobsCurrent: 0}, 30 * time.Second, "context deadline exceeded"},
		}
		for source, want := range want {
			got := first[source]
			if !maps.Equal(got.series, want.series) || got.took != want.took || got.err != want.err {
				t.Errorf("%s: got %+v, want %+v", source, got, want)
			}
		}
		if len(first) != len(want) {
			t.Errorf("got %d sources, want %d", len(first), len(want))
		}
	})
}
