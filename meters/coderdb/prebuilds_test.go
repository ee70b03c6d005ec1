package coderdb

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
	"github.com/otelcoder/otelcoder/internal/postgres"
)

// premium is a license that includes prebuilt workspaces, without a user limit.
var premium = token(`{"nbf":0,"exp":9e9,"license_expires":9e9,"feature_set":"Premium","features":{}}`)

// always makes the history queries due at every collection.
func always(c *config) error {
	c.historyShare = 1e9
	return nil
}

// seldom makes the history queries due only once.
func seldom(c *config) error {
	c.historyShare = 1e-6
	return nil
}

var prebuildFamilies = []instrument.Family{
	instrument.PrebuiltWorkspacesDesired, instrument.PrebuiltWorkspacesRunning, instrument.PrebuiltWorkspacesEligible,
	instrument.PrebuiltWorkspacesHardLimited, instrument.PrebuiltWorkspacesValidationFailed,
}

var creationFamilies = []instrument.Family{
	instrument.WorkspaceCreation, instrument.PrebuiltWorkspacesCreated, instrument.PrebuiltWorkspacesFailed, instrument.PrebuiltWorkspacesClaimed,
}

const (
	// wantPrebuilds are the series of the families of prebuilt workspaces.
	wantPrebuilds = `# TYPE coderd_prebuilt_workspaces_desired gauge
coderd_prebuilt_workspaces_desired{organization_name="coder",preset_name="large",template_name="docker"} 5
coderd_prebuilt_workspaces_desired{organization_name="coder",preset_name="old",template_name="dep"} 0
coderd_prebuilt_workspaces_desired{organization_name="coder",preset_name="small",template_name="docker"} 3
coderd_prebuilt_workspaces_desired{organization_name="other",preset_name="fresh",template_name="docker"} 2
coderd_prebuilt_workspaces_desired{organization_name="other",preset_name="small",template_name="docker"} 1
# TYPE coderd_prebuilt_workspaces_eligible gauge
coderd_prebuilt_workspaces_eligible{organization_name="coder",preset_name="large",template_name="docker"} 1
coderd_prebuilt_workspaces_eligible{organization_name="coder",preset_name="old",template_name="dep"} 0
coderd_prebuilt_workspaces_eligible{organization_name="coder",preset_name="small",template_name="docker"} 1
coderd_prebuilt_workspaces_eligible{organization_name="other",preset_name="fresh",template_name="docker"} 0
coderd_prebuilt_workspaces_eligible{organization_name="other",preset_name="small",template_name="docker"} 1
# TYPE coderd_prebuilt_workspaces_preset_hard_limited gauge
coderd_prebuilt_workspaces_preset_hard_limited{organization_name="other",preset_name="small",template_name="docker"} 1
# TYPE coderd_prebuilt_workspaces_preset_validation_failed gauge
coderd_prebuilt_workspaces_preset_validation_failed{organization_name="other",preset_name="small",template_name="docker"} 1
# TYPE coderd_prebuilt_workspaces_running gauge
coderd_prebuilt_workspaces_running{organization_name="coder",preset_name="large",template_name="docker"} 2
coderd_prebuilt_workspaces_running{organization_name="coder",preset_name="old",template_name="dep"} 1
coderd_prebuilt_workspaces_running{organization_name="coder",preset_name="small",template_name="docker"} 4
coderd_prebuilt_workspaces_running{organization_name="other",preset_name="fresh",template_name="docker"} 0
coderd_prebuilt_workspaces_running{organization_name="other",preset_name="small",template_name="docker"} 1
`
	wantPrebuilt = `# TYPE coderd_prebuilt_workspaces_claimed_total counter
coderd_prebuilt_workspaces_claimed_total{organization_name="coder",preset_name="large",template_name="docker"} 0
coderd_prebuilt_workspaces_claimed_total{organization_name="coder",preset_name="old",template_name="dep"} 0
coderd_prebuilt_workspaces_claimed_total{organization_name="coder",preset_name="small",template_name="docker"} 2
coderd_prebuilt_workspaces_claimed_total{organization_name="other",preset_name="fresh",template_name="docker"} 0
coderd_prebuilt_workspaces_claimed_total{organization_name="other",preset_name="small",template_name="docker"} 0
# TYPE coderd_prebuilt_workspaces_created_total counter
coderd_prebuilt_workspaces_created_total{organization_name="coder",preset_name="large",template_name="docker"} 2
coderd_prebuilt_workspaces_created_total{organization_name="coder",preset_name="old",template_name="dep"} 1
coderd_prebuilt_workspaces_created_total{organization_name="coder",preset_name="small",template_name="docker"} 10
coderd_prebuilt_workspaces_created_total{organization_name="other",preset_name="fresh",template_name="docker"} 0
coderd_prebuilt_workspaces_created_total{organization_name="other",preset_name="small",template_name="docker"} 4
# TYPE coderd_prebuilt_workspaces_failed_total counter
coderd_prebuilt_workspaces_failed_total{organization_name="coder",preset_name="large",template_name="docker"} 1
coderd_prebuilt_workspaces_failed_total{organization_name="coder",preset_name="old",template_name="dep"} 0
coderd_prebuilt_workspaces_failed_total{organization_name="coder",preset_name="small",template_name="docker"} 1
coderd_prebuilt_workspaces_failed_total{organization_name="other",preset_name="fresh",template_name="docker"} 0
coderd_prebuilt_workspaces_failed_total{organization_name="other",preset_name="small",template_name="docker"} 3
`
	wantCreated = `# TYPE coderd_workspace_creation_total counter
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="dep"} 0
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="docker"} 1
coderd_workspace_creation_total{organization_name="coder",preset_name="large",template_name="docker"} 0
coderd_workspace_creation_total{organization_name="coder",preset_name="never",template_name="docker"} 1
coderd_workspace_creation_total{organization_name="coder",preset_name="old",template_name="dep"} 0
coderd_workspace_creation_total{organization_name="coder",preset_name="small",template_name="docker"} 0
coderd_workspace_creation_total{organization_name="other",preset_name="",template_name="docker"} 0
coderd_workspace_creation_total{organization_name="other",preset_name="fresh",template_name="docker"} 0
coderd_workspace_creation_total{organization_name="other",preset_name="small",template_name="docker"} 1
`
	wantCreatedWithoutPresets = `# TYPE coderd_workspace_creation_total counter
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="dep"} 0
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="docker"} 2
coderd_workspace_creation_total{organization_name="other",preset_name="",template_name="docker"} 1
`
)

func TestPrebuilds(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	sources := open(t, url, WithEdition(instrument.Coder), WithLogger(testLogger(t))).Sources()
	compare(t, exposition(t, sources, prebuildFamilies...), wantPrebuilds)
	compare(t, exposition(t, sources, creationFamilies...), wantPrebuilt+wantCreated)
}

// TestPrebuildsNeedALicense checks that prebuilt workspaces are served only with a license
// that includes them, and the creations of users always.
func TestPrebuildsNeedALicense(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	db := open(t, url, WithEdition(instrument.Coder), WithLogger(testLogger(t)))
	for _, test := range []struct {
		name, license string
		serves        bool
	}{
		{"none", "", false},
		{"premium", premium, true},
		{"enterprise", token(`{"license_expires":9e9,"feature_set":"enterprise"}`), true},
		{"an old name of enterprise", token(`{"license_expires":9e9,"all_features":true}`), true},
		{"the feature", token(`{"license_expires":9e9,"features":{"workspace_prebuilds":1}}`), true},
		{"not the feature", token(`{"license_expires":9e9,"features":{"workspace_prebuilds":0,"user_limit":10}}`), false},
		{"another set", token(`{"license_expires":9e9,"feature_set":"basic"}`), false},
		{"in its grace period", token(`{"license_expires":0,"feature_set":"premium"}`), true},
		{"expired", token(`{"exp":0,"license_expires":0,"feature_set":"premium"}`), false},
		{"not yet valid", token(`{"nbf":9e9,"license_expires":9e9,"feature_set":"premium"}`), false},
		{"without an end", token(`{"feature_set":"premium"}`), false},
		{"other types", token(`{"license_expires":9e9,"feature_set":["premium"],"all_features":"true","features":{"workspace_prebuilds":"1"}}`), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d.Exec(t, "TRUNCATE licenses")
			if test.license != "" {
				d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", test.license)
			}
			prebuilds, prebuilt := "", ""
			if test.serves {
				prebuilds, prebuilt = wantPrebuilds, wantPrebuilt
			}
			compare(t, exposition(t, db.Sources(), prebuildFamilies...), prebuilds)
			compare(t, exposition(t, db.Sources(), creationFamilies...), prebuilt+wantCreated)
			updated := exposition(t, db.Sources(), instrument.PrebuiltWorkspacesLastUpdated)
			if (updated != "") != test.serves {
				t.Errorf("got last update %q, want one %t", updated, test.serves)
			}
		})
	}
}

// TestPrebuildsHardLimit checks that the hard limit applies to the newest builds of each
// preset.
func TestPrebuildsHardLimit(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	const header = "# TYPE coderd_prebuilt_workspaces_preset_hard_limited gauge\n"
	const coder = `coderd_prebuilt_workspaces_preset_hard_limited{organization_name="coder",preset_name="small",template_name="docker"} 1` + "\n"
	const other = `coderd_prebuilt_workspaces_preset_hard_limited{organization_name="other",preset_name="small",template_name="docker"} 1` + "\n"
	for n, want := range map[int]string{0: "", 1: header + coder + other, 2: header + other, 3: header + other, 4: "", 1_000_000: ""} {
		db := open(t, url, WithEdition(instrument.Coder), WithPrebuildsHardLimit(n))
		compare(t, exposition(t, db.Sources(), instrument.PrebuiltWorkspacesHardLimited), want)
	}
}

// TestPrebuildsOfOlderVersions checks that older versions of Coder serve the families for
// which they have columns.
func TestPrebuildsOfOlderVersions(t *testing.T) {
	const of2025 = `DROP TABLE template_version_preset_prebuild_schedules;
		ALTER TABLE workspace_agents DROP COLUMN parent_id, DROP COLUMN deleted;
		UPDATE provisioner_jobs SET error = '' WHERE error IS NULL;
		ALTER TABLE provisioner_jobs DROP COLUMN job_status;`
	for _, test := range []struct {
		name, sql           string
		prebuilds, prebuilt string
		created             string
	}{
		{"2025-04", of2025 + `
			ALTER TABLE template_version_presets DROP COLUMN prebuild_status, DROP COLUMN last_invalidated_at, DROP COLUMN scheduling_timezone;
			DELETE FROM workspace_agents WHERE id IN (u(2), u(3))`,
			strings.NewReplacer(
				// No schedules, invalidations or status.
				`desired{organization_name="coder",preset_name="large",template_name="docker"} 5`,
				`desired{organization_name="coder",preset_name="large",template_name="docker"} 2`,
				`eligible{organization_name="coder",preset_name="large",template_name="docker"} 1`,
				`eligible{organization_name="coder",preset_name="large",template_name="docker"} 2`,
				"# TYPE coderd_prebuilt_workspaces_preset_validation_failed gauge\n", "",
				`coderd_prebuilt_workspaces_preset_validation_failed{organization_name="other",preset_name="small",template_name="docker"} 1`+"\n", "",
			).Replace(wantPrebuilds), wantPrebuilt, wantCreated},
		{"2025-01", of2025 + `
			DROP TABLE template_version_presets;
			ALTER TABLE workspace_builds DROP COLUMN template_version_preset_id`, "", "", wantCreatedWithoutPresets},
		{"presets of builds", "ALTER TABLE workspace_builds DROP COLUMN template_version_preset_id", "", "", wantCreatedWithoutPresets},
		{"names of presets", "ALTER TABLE template_version_presets DROP COLUMN name", "", "", wantCreatedWithoutPresets},
		{"numbers of presets", "ALTER TABLE template_version_presets DROP COLUMN desired_instances", "", "", `# TYPE coderd_workspace_creation_total counter
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="dep"} 0
coderd_workspace_creation_total{organization_name="coder",preset_name="",template_name="docker"} 1
coderd_workspace_creation_total{organization_name="coder",preset_name="never",template_name="docker"} 1
coderd_workspace_creation_total{organization_name="other",preset_name="",template_name="docker"} 0
coderd_workspace_creation_total{organization_name="other",preset_name="small",template_name="docker"} 1
`},
		{"a column of schedules", "ALTER TABLE template_version_preset_prebuild_schedules DROP COLUMN preset_id", strings.Replace(wantPrebuilds,
			`desired{organization_name="coder",preset_name="large",template_name="docker"} 5`,
			`desired{organization_name="coder",preset_name="large",template_name="docker"} 2`, 1), wantPrebuilt, wantCreated},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := pgtest.New(t)
			d.Exec(t, read(t, "schema.sql"))
			d.Exec(t, read(t, "prebuilds.sql"))
			d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
			d.Exec(t, test.sql)
			url := d.Role(t, func(role string) string { return coderschema.Grants(instrument.Coder, role) })
			db := open(t, url, WithEdition(instrument.Coder), WithLogger(testLogger(t)))
			sources := db.Sources()
			compare(t, exposition(t, sources, prebuildFamilies...), test.prebuilds)
			compare(t, exposition(t, sources, creationFamilies...), test.prebuilt+test.created)

			conn, err := postgres.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			found, err := coderschema.Inspect(t.Context(), conn, instrument.Coder, db.off())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range slices.Concat(prebuildFamilies, creationFamilies) {
				_, unserved := found.Unserved[f]
				served := strings.Contains(test.prebuilds+test.prebuilt+test.created, "# TYPE "+instrument.Coder.Name(f)+" ")
				if served == unserved {
					t.Errorf("%s: served %t, unserved %t", instrument.Coder.Name(f), served, unserved)
				}
			}
		})
	}
}

// TestPrebuildsSchedules checks the desired number of a preset with schedules, to the minute.
func TestPrebuildsSchedules(t *testing.T) {
	const own = 7
	schedules := func(all ...string) (s []presetSchedule) {
		for i, cron := range all {
			s = append(s, presetSchedule{cron, i})
		}
		return s
	}
	office := schedules("* 8-18 * * 1-5", "* 8-14 * * 6")
	at := func(text string) time.Time {
		t.Helper()
		at, err := time.Parse("2006-01-02 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, test := range []struct {
		name      string
		zone      string
		schedules []presetSchedule
		now       string
		want      int
	}{
		{"none", "UTC", nil, "2025-09-01 12:00:30", own},
		{"no zone", "", office, "2025-09-01 12:00:30", own},
		{"unknown zone", "Europe/Nowhere", office, "2025-09-01 12:00:30", own},
		{"zone of the host", "Local", office, "2025-09-01 12:00:30", own},
		{"path as a zone", "../../etc/passwd", office, "2025-09-01 12:00:30", own},
		{"before the first minute", "UTC", office, "2025-09-01 07:59:59", own},
		{"first minute", "UTC", office, "2025-09-01 08:00:00", 0},
		{"last minute", "UTC", office, "2025-09-01 18:59:59", 0},
		{"after the last minute", "UTC", office, "2025-09-01 19:00:00", own},
		{"Saturday", "UTC", office, "2025-09-06 14:59:59", 1},
		{"Sunday", "UTC", office, "2025-09-07 12:00:00", own},
		{"by the zone, which is ahead", "Asia/Tokyo", office, "2025-08-31 23:00:00", 0},
		{"by the zone, which is behind", "America/New_York", office, "2025-09-01 12:00:00", 0},
		{"by the zone, not yet", "America/New_York", office, "2025-09-01 11:59:59", own},
		{"summer time", "Europe/Berlin", office, "2025-10-24 06:00:00", 0},
		{"winter time", "Europe/Berlin", office, "2025-10-27 06:00:00", own},
		{"an hour that summer time skips", "Europe/Berlin", schedules("* 2 * * *"), "2025-03-30 01:30:00", own},
		{"an hour that winter time repeats", "Europe/Berlin", schedules("* 2 * * *"), "2025-10-26 01:30:00", 0},
		{"invalid schedule", "UTC", schedules("* 8-18 * * 1-5", "every day"), "2025-09-01 12:00:30", own},
		{"overlap", "UTC", schedules("* 8-18 * * 1-5", "* 18-20 * * 5"), "2025-09-01 12:00:30", own},
		{"same hours, other days", "UTC", schedules("* 8-18 * * 1-5", "* 8-18 * * 6,0"), "2025-09-06 12:00:30", 1},
		{"other months", "UTC", schedules("* * * 1-6 *", "* * * 7-12 *"), "2025-09-01 12:00:30", 1},
		{"other days of the month", "UTC", schedules("* * 1-15 * *", "* * 16-31 * *"), "2025-09-16 12:00:30", 1},
		{"a day and a weekday overlap", "UTC", schedules("* * 1 * *", "* * * * 1"), "2025-09-01 12:00:30", own},
		{"days that do not overlap, weekdays that do", "UTC", schedules("* * 1 * 1", "* * 2 * 1"), "2025-09-01 12:00:30", own},
		{"too many", "UTC", make([]presetSchedule, maxSchedules+1), "2025-09-01 12:00:30", own},
	} {
		p := presetPool{zone: test.zone, schedules: test.schedules}
		p.Desired = own
		if got := p.desired(at(test.now), make(zones)); got != test.want {
			t.Errorf("%s: got %d desired, want %d", test.name, got, test.want)
		}
	}
}

// TestPrebuildsLargeSchedule checks that an overlong schedule is not read, and the preset's
// own number is desired.
func TestPrebuildsLargeSchedule(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	sources := open(t, url, WithEdition(instrument.Coder)).Sources()
	for size, want := range map[int]int{maxCron: 5, maxCron + 1: 2} {
		d.Exec(t, "UPDATE template_version_preset_prebuild_schedules SET cron_expression = rpad(cron_expression, $1)", size)
		found, err := sources.Prebuilds.Prebuilds(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found.Presets {
			if p.Name == "large" && p.Desired != want {
				t.Errorf("with schedules of %d bytes: got %d desired, want %d", size, p.Desired, want)
			}
		}
	}
}

// TestPrebuildsOfTheFuture checks that the latest possible times do not overflow.
func TestPrebuildsOfTheFuture(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	d.Exec(t, "UPDATE workspaces SET created_at = '294276-12-31'; UPDATE template_version_presets SET invalidate_after_secs = 2147483647")
	if _, err := open(t, url, WithEdition(instrument.Coder)).Sources().Prebuilds.Prebuilds(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCreationsArePaced checks that the latest counts are served between history queries.
func TestCreationsArePaced(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	sent := new(queries)
	source := open(t, url, WithEdition(instrument.Coder), seldom, traced(sent)).Sources().Creations
	first, err := source.Creations(t.Context())
	if err != nil || len(first.Workspaces) == 0 {
		t.Fatalf("%v, error %v", first, err)
	}
	d.Exec(t, "DELETE FROM workspaces")
	before := sent.n.Load()
	second, err := source.Creations(t.Context())
	if err != nil || !reflect.DeepEqual(second, first) {
		t.Errorf("got %v, error %v; want %v", second, err, first)
	}
	if n := sent.n.Load() - before; n != 0 {
		t.Errorf("got %d queries, want 0", n)
	}
}

// TestCreationsFail checks that the source returns an error until a history query succeeds,
// and together with the error the latest counts, for at most 5 hours: stale counts are
// withdrawn like the series of any failing source.
func TestCreationsFail(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	db := open(t, url, WithEdition(instrument.Coder), always)
	source := db.Sources().Creations.(*creations)
	first, err := source.Creations(t.Context())
	if err != nil || len(first.Workspaces) == 0 {
		t.Fatalf("%v, error %v", first, err)
	}
	d.Exec(t, "ALTER TABLE workspaces RENAME TO other")
	for late, stands := range map[time.Duration]bool{0: true, 299 * time.Minute: true, 301 * time.Minute: false} {
		source.due = time.Now().Add(-late)
		all, err := source.Creations(t.Context())
		if err == nil || failed(err) == stands || reflect.DeepEqual(all, first) != stands {
			t.Errorf("%v late: got %v, error %v; want the latest counts: %t", late, all, err, stands)
		}
	}
	if all, err := db.Sources().Creations.Creations(t.Context()); !failed(err) || len(all.Workspaces) > 0 {
		t.Errorf("without latest counts: got %v, error %v; want an error", all, err)
	}
	d.Exec(t, "ALTER TABLE other RENAME TO workspaces")
	if all, err := source.Creations(t.Context()); err != nil || !reflect.DeepEqual(all, first) {
		t.Errorf("got %v, error %v; want %v", all, err, first)
	}
}

// TestCreationsWaitForALock checks that a query which waits for a lock, such as the lock of
// a migration, fails and does not postpone the next query: waiting is no load.
func TestCreationsWaitForALock(t *testing.T) {
	t.Parallel()
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	locks, err := pgx.Connect(t.Context(), d.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer locks.Close(context.Background())
	if _, err := locks.Exec(t.Context(), "BEGIN; LOCK TABLE workspaces"); err != nil {
		t.Fatal(err)
	}
	source := open(t, url, WithEdition(instrument.Coder), seldom).Sources().Creations
	if all, err := source.Creations(t.Context()); err == nil {
		t.Fatalf("got %v in spite of the lock, want an error", all)
	}
	if _, err := locks.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if all, err := source.Creations(t.Context()); err != nil || len(all.Workspaces) == 0 {
		t.Errorf("got %v, error %v; want counts", all, err)
	}
}

// TestCreationsAreRepeated checks that counts are repeated within their time share, also
// after a failure.
func TestCreationsAreRepeated(t *testing.T) {
	for _, test := range []struct {
		name     string
		share    float64
		fails    bool
		min, max time.Duration
	}{
		{"slow", 1e-9, false, time.Hour, time.Duration(math.MaxInt64)},
		{"slow failure", 1e-9, true, time.Hour, time.Duration(math.MaxInt64)},
		{"short failure", 1, true, 0, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
			if test.fails {
				d.Exec(t, "ALTER TABLE workspaces RENAME TO other")
			}
			share := func(c *config) error { c.historyShare = test.share; return nil }
			source := open(t, url, WithEdition(instrument.Coder), share).Sources().Creations.(*creations)
			if _, err := source.Creations(t.Context()); (err != nil) != test.fails {
				t.Fatalf("error %v", err)
			}
			if wait := time.Until(source.pace.next); wait > test.max || wait < test.min && test.min > 0 {
				t.Errorf("got next count in %v, want in %v to %v", wait, test.min, test.max)
			}
		})
	}
}

// TestPrebuildsQueries checks the number of queries of a collection.
func TestPrebuildsQueries(t *testing.T) {
	d, url := newDatabaseOf(t, instrument.Coder, "schema.sql", "prebuilds.sql")
	sent := new(queries)
	sources := open(t, url, WithEdition(instrument.Coder), always, traced(sent)).Sources()
	count := func() (prebuilds, creations int64) {
		t.Helper()
		before := sent.n.Load()
		if _, err := sources.Prebuilds.Prebuilds(t.Context()); err != nil {
			t.Fatal(err)
		}
		prebuilds = sent.n.Load() - before
		if _, err := sources.Creations.Creations(t.Context()); err != nil {
			t.Fatal(err)
		}
		return prebuilds, sent.n.Load() - before - prebuilds
	}
	count() // also inspects the schema
	// The numbers include BEGIN, now() and COMMIT, and for creations the setting of lock_timeout.
	if prebuilds, creations := count(); prebuilds != 4 || creations != 7 {
		t.Errorf("without a license: got %d and %d queries, want 4 and 7", prebuilds, creations)
	}
	d.Exec(t, "INSERT INTO licenses (jwt) VALUES ($1)", premium)
	if prebuilds, creations := count(); prebuilds != 8 || creations != 8 {
		t.Errorf("got %d and %d queries, want 8 and 8", prebuilds, creations)
	}
}
