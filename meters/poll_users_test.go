package meters

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestUsers checks that users are counted every five minutes, and that a status without users
// has no series.
func TestUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReaderOf(t, instrument.Coder)
		counts := new(variable[map[UserStatus]int])
		counts.set(map[UserStatus]int{UserActive: 12, UserDormant: 3, UserSuspended: 0})
		poll(t, m, Sources{Edition: instrument.Coder, Users: usersFunc(func(context.Context) (map[UserStatus]int, error) { return counts.get(), nil })})
		const first = `# TYPE coderd_api_total_user_count gauge
coderd_api_total_user_count{status="active"} 12
coderd_api_total_user_count{status="dormant"} 3
`
		m.Expect(t, first, instrument.APITotalUserCount)
		wantRefused(t, m, 0, 0)
		counts.set(map[UserStatus]int{UserActive: -1, UserSuspended: 1, "banned": 7})
		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		m.Expect(t, first, instrument.APITotalUserCount)
		time.Sleep(time.Second)
		synctest.Wait()
		m.Expect(t, `# TYPE coderd_api_total_user_count gauge
coderd_api_total_user_count{status="suspended"} 1
`, instrument.APITotalUserCount)
		wantRefused(t, m, 1, 1)
	})
}

func TestDaemons(t *testing.T) {
	for _, test := range []struct {
		alive   int
		want    string
		refused int
	}{
		{3, "# TYPE coderd_provisionerd_num_daemons gauge\ncoderd_provisionerd_num_daemons 3\n", 0},
		{0, "# TYPE coderd_provisionerd_num_daemons gauge\ncoderd_provisionerd_num_daemons 0\n", 0},
		{-1, "", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := meterstest.NewReaderOf(t, instrument.Coder)
			poll(t, m, Sources{Edition: instrument.Coder, Daemons: daemonsFunc(answers(test.alive))})
			m.Expect(t, test.want, instrument.ProvisionerDaemons)
			wantRefused(t, m, 0, test.refused)
		})
	}
}
