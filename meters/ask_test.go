package meters

import (
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// TestAsk tells what each source said, whatever the others did.
func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no such table")
		answers, err := Ask(t.Context(), Sources{
			ActiveUsers: activeUsersFunc(func(context.Context) (int, error) {
				time.Sleep(3 * time.Second)
				return 7, nil
			}),
			LatestBuilds: latestBuildsFunc(func(context.Context) (map[JobStatus]int, error) { return nil, broken }),
			License:      licenseFunc(func(context.Context) (License, error) { panic("nobody") }),
			Jobs: runningJobsFunc(func(ctx context.Context) (map[Provisioner]int, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct {
			source string
			series map[instrument.Family]int
			took   time.Duration
			err    string
		}{
			{"active_users", map[instrument.Family]int{instrument.APIActiveUsers: 1}, 3 * time.Second, ""},
			{"latest_builds", map[instrument.Family]int{instrument.APIWorkspaceLatestBuild: 0}, 0, "no such table"},
			{"license", map[instrument.Family]int{instrument.LicenseActiveUsers: 0, instrument.LicenseLimitUsers: 0, instrument.LicenseUserLimitEnabled: 0}, 0, "panic: nobody"},
			{"jobs", map[instrument.Family]int{instrument.ProvisionerdJobsCurrent: 0}, 30 * time.Second, "context deadline exceeded"},
		} {
			if i >= len(answers) {
				t.Fatalf("%d answers", len(answers))
			}
			got, said := answers[i], ""
			if got.Err != nil {
				said = got.Err.Error()
			}
			if got.Source != want.source || !maps.Equal(got.Series, want.series) || got.Took != want.took || said != want.err {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		if len(answers) != 4 {
			t.Errorf("%d answers, want 4", len(answers))
		}
	})
}

func TestAskRefusesIntervals(t *testing.T) {
	if _, err := Ask(t.Context(), Sources{}, WithInterval(0)); err == nil {
		t.Error("no error")
	}
}
