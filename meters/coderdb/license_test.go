package coderdb

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
)

// token returns a license with the claims and a signature, which is not verified.
func token(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"EdDSA"}`)) + "." + encode([]byte(claims)) + ".c2lnbmF0dXJl"
}

// licensed returns a license with times relative to noon.
func licensed(limit int, notBefore, softly, expires time.Duration) string {
	unix := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	return token(fmt.Sprintf(`{"nbf":%d,"license_expires":%d,"exp":%d,"features":{"user_limit":%d,"audit_log":1},"version":3}`,
		unix(notBefore), unix(softly), unix(expires), limit))
}

func TestLicense(t *testing.T) {
	const day = 24 * time.Hour
	malformed := []string{
		"", "..", "a.b", "a.b.c.d", "!.!.!", "e30.e30.e30", "e30.bnVsbA.", "e30.W10.", "e30.%%%.",
		token(`{"nbf":0,"exp":9e9,"license_expires":9e9,"features":{"user_limit":"999"}}`),
		token(`{"nbf":"0","exp":9e9,"license_expires":9e9,"features":{"user_limit":999}}`),
		token(`{"nbf":0,"exp":9e9,"license_expires":9e9,"features":null}`),
		token(`{"nbf":0,"exp":9e9,"license_expires":9e9,"features":[999]}`),
		token(`{"nbf":0,"exp":9e9,"license_expires":9e9}`),
		token(`{"nbf":0,"exp":9e9,"features":{"user_limit":999}}`),
		token(`{"nbf":0,"exp":1e999,"license_expires":9e9,"features":{"user_limit":999}}`),
	}
	const none = `
# TYPE coderd_license_active_users gauge
coderd_license_active_users 2
# TYPE coderd_license_user_limit_enabled gauge
coderd_license_user_limit_enabled 0
`
	// limit returns the expected text for two active users and a limit of n.
	limit := func(n string) string {
		return `
# TYPE coderd_license_active_users gauge
coderd_license_active_users 2
# TYPE coderd_license_limit_users gauge
coderd_license_limit_users ` + n + `
# TYPE coderd_license_user_limit_enabled gauge
coderd_license_user_limit_enabled 1
`
	}
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	db := open(t, url, WithLogger(testLogger(t)))
	for _, test := range []struct {
		name     string
		licenses []string
		want     string
	}{
		{"none", nil, none},
		{"one", []string{licensed(10, -day, day, 2*day)}, limit("10")},
		{"begins now", []string{licensed(10, 0, day, 2*day)}, limit("10")},
		{"begins in a second", []string{licensed(10, time.Second, day, 2*day)}, none},
		{"ends in a second", []string{licensed(10, -day, -day, time.Second)}, limit("10")},
		{"ends now", []string{licensed(10, -day, -day, 0)}, none},
		{"in its grace period", []string{licensed(10, -2*day, -day, day)}, limit("10")},
		{"after its grace period", []string{licensed(10, -2*day, -day, -time.Second)}, none},
		{"no beginning", []string{token(`{"exp":9e9,"license_expires":9e9,"features":{"user_limit":11}}`)}, limit("11")},
		{"no end", []string{token(`{"nbf":0,"license_expires":9e9,"features":{"user_limit":12}}`)}, limit("12")},
		{"no end, and in its grace period", []string{token(`{"license_expires":0,"features":{"user_limit":13}}`)}, limit("13")},
		{"null is absent", []string{token(`{"nbf":null,"exp":null,"license_expires":9e9,"features":{"user_limit":14}}`)}, limit("14")},
		{"a fraction is cut", []string{token(`{"license_expires":9e9,"features":{"user_limit":5.5}}`)}, limit("5")},
		{"less than one user", []string{token(`{"license_expires":9e9,"features":{"user_limit":0.9}}`)}, none},
		{"a fraction covers no further user", []string{token(`{"license_expires":9e9,"features":{"user_limit":1.9}}`),
			token(`{"license_expires":0,"features":{"user_limit":2}}`)}, limit("2")},
		{"another version", []string{token(`{"license_expires":9e9,"features":{"user_limit":15},"version":4}`)}, limit("15")},
		{"a version that is no number", []string{token(`{"license_expires":9e9,"features":{"user_limit":16},"version":["4"]}`)}, limit("16")},
		{"limit 0", []string{licensed(0, -day, day, 2*day)}, none},
		{"negative limit", []string{licensed(-10, -day, day, 2*day)}, none},
		{"never added up", []string{licensed(3, -day, day, 2*day), licensed(4, -day, day, 2*day)}, limit("4")},
		{"the one that covers the users, though in its grace period",
			[]string{licensed(1, -day, day, 2*day), licensed(2, -day, -day, 2*day)}, limit("2")},
		{"of two that cover, the one not in its grace period, though smaller",
			[]string{licensed(5, -day, day, 2*day), licensed(100, -day, 0, 2*day)}, limit("5")},
		{"malformed", malformed, none},
		{"malformed and one", append([]string{licensed(7, -day, day, 2*day)}, malformed...), limit("7")},
		{"more than fits", []string{token(`{"nbf":0,"exp":9e9,"license_expires":9e9,"features":{"user_limit":1e300}}`)},
			limit("9.223372036854776e+18")},
	} {
		t.Run(test.name, func(t *testing.T) {
			d.Exec(t, "TRUNCATE licenses")
			for _, jwt := range test.licenses {
				d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", jwt)
			}
			got := exposition(t, db.Sources(), instrument.LicenseActiveUsers, instrument.LicenseLimitUsers, instrument.LicenseUserLimitEnabled)
			compare(t, got, test.want[1:])
		})
	}
}

// TestLicenseVersionIsReportedOnce checks that a license with an unknown version is logged
// once, and counts.
func TestLicenseVersionIsReportedOnce(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	var log bytes.Buffer
	source := open(t, url, WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Sources().License
	ask := func(want int) {
		t.Helper()
		if l, err := source.License(t.Context()); err != nil || l.Limit != want {
			t.Errorf("got limit %d, error %v; want %d", l.Limit, err, want)
		}
	}
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", licensed(10, -time.Hour, time.Hour, time.Hour))
	ask(10)
	if log.Len() > 0 {
		t.Errorf("got log %s, want none", log.String())
	}
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", token(`{"license_expires":9e9,"features":{"user_limit":20},"version":4}`))
	ask(20)
	ask(20)
	const want = `level=WARN msg="a license has an unknown version; its user limit is counted nevertheless" version=4 known=3`
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
		t.Errorf("got log\n%swant one line %s", got, want)
	}
}

// TestLicenseCountsSystemUsers checks that system users count in versions without the column
// that marks them.
func TestLicenseCountsSystemUsers(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql", "without.sql")
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", licensed(10, -time.Hour, time.Hour, time.Hour))
	db := open(t, url)
	compare(t, exposition(t, db.Sources(), instrument.LicenseActiveUsers),
		"# TYPE coderd_license_active_users gauge\ncoderd_license_active_users 3\n")
}

// TestLicenseIsNotForServiceAccounts checks that service accounts do not count in versions
// with the column that marks them.
func TestLicenseIsNotForServiceAccounts(t *testing.T) {
	d, url := newDatabase(t, "schema.sql", "fleet.sql")
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", licensed(10, -time.Hour, time.Hour, time.Hour))
	d.Exec(t, `INSERT INTO users (id, username, email, status, is_service_account) VALUES (u(7), 'ci', '', 'active', true)`)
	compare(t, exposition(t, open(t, url).Sources(), instrument.LicenseActiveUsers),
		"# TYPE coderd_license_active_users gauge\ncoderd_license_active_users 2\n")
}

// TestUserLimit checks cases of the limit that need more than two active users.
func TestUserLimit(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, test := range []struct {
		name string
		all  []claims
		want int
	}{
		{"none covers: not in its grace period", []claims{{limit: 30, expires: 3000, soft: 500}, {limit: 20, expires: 3000, soft: 2000}}, 20},
		{"none covers: the greater", []claims{{limit: 20, expires: 3000, soft: 2000}, {limit: 30, expires: 3000, soft: 2000}}, 30},
		{"exactly covers", []claims{{limit: 49, expires: 3000, soft: 2000}, {limit: 50, expires: 3000, soft: 500}}, 50},
		{"license_expires is now", []claims{{limit: 60, expires: 3000, soft: 1000}, {limit: 50, expires: 3000, soft: 1001}}, 50},
	} {
		if got := userLimit(test.all, 50, at); got != test.want {
			t.Errorf("%s: got limit %d, want %d", test.name, got, test.want)
		}
	}
}

func FuzzDecodeClaims(f *testing.F) {
	f.Add("")
	f.Add("..")
	f.Add("e30.e30.e30")
	f.Add(licensed(10, 0, 0, 0))
	f.Add(token(`{"nbf":0,"exp":9e9,"license_expires":9e9,"features":{"user_limit":1e300}}`))
	f.Add(token(`{"license_expires":9e9,"features":{"user_limit":5.5},"version":4}`))
	f.Add(token(`{"nbf":0,"exp":9e9,"license_expires":9e9,"features":{"user_limit":{"user_limit":1}}}`))
	f.Fuzz(func(t *testing.T, token string) {
		c, ok := decodeClaims(token)
		if !ok && c != (claims{}) {
			t.Errorf("got claims %v of a malformed license, want none", c)
		}
		if limit := userLimit([]claims{c}, 10, noon); limit < 0 {
			t.Errorf("got limit %d, want at least 0", limit)
		}
	})
}
