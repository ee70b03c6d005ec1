package meters

import (
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestActiveUsers(t *testing.T) {
	for _, test := range []struct {
		users   int
		want    string
		refused int
	}{
		{12, "# TYPE coderd_api_active_users_duration_hour gauge\ncoderd_api_active_users_duration_hour 12\n", 0},
		{0, "# TYPE coderd_api_active_users_duration_hour gauge\ncoderd_api_active_users_duration_hour 0\n", 0},
		{-1, "", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := meterstest.NewReader(t)
			poll(t, m, Sources{ActiveUsers: activeUsersFunc(answers(test.users))})
			m.Expect(t, test.want, instrument.APIActiveUsers)
			wantRefused(t, m, 0, test.refused)
		})
	}
}
