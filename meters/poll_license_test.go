package meters

import (
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

func TestLicense(t *testing.T) {
	noLimit := func(users string) string {
		return `# TYPE coderd_license_active_users gauge
coderd_license_active_users ` + users + `
# TYPE coderd_license_user_limit_enabled gauge
coderd_license_user_limit_enabled 0
`
	}
	for _, test := range []struct {
		name    string
		license License
		want    string
		refused int
	}{
		{"none", License{}, noLimit("0"), 0},
		{"no limit in force", License{ActiveUsers: 12}, noLimit("12"), 0},
		{"limit", License{ActiveUsers: 12, Limit: 100}, `# TYPE coderd_license_active_users gauge
coderd_license_active_users 12
# TYPE coderd_license_limit_users gauge
coderd_license_limit_users 100
# TYPE coderd_license_user_limit_enabled gauge
coderd_license_user_limit_enabled 1
`, 0},
		{"negative limit", License{ActiveUsers: 12, Limit: -1}, noLimit("12"), 1},
		{"negative users", License{ActiveUsers: -12, Limit: 100}, `# TYPE coderd_license_limit_users gauge
coderd_license_limit_users 100
# TYPE coderd_license_user_limit_enabled gauge
coderd_license_user_limit_enabled 1
`, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := meterstest.NewReader(t)
				poll(t, m, Sources{License: licenseFunc(answers(test.license))})
				m.Expect(t, test.want, instrument.LicenseActiveUsers, instrument.LicenseLimitUsers, instrument.LicenseUserLimitEnabled)
				wantRefused(t, m, 0, test.refused)
			})
		})
	}
}
