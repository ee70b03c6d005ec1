package coderdb

import (
	"context"
	"time"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters"
)

// insightsWindow is the length of the window of insights, which ends now.
const insightsWindow = 5 * time.Minute

// maxParameter is the largest number of characters read of a parameter's value. The
// value becomes a label, and users may type anything.
const maxParameter = 1000

type insights struct{ db *DB }

// templatesOrganization returns the SQL of a further column with the name of the
// organization of templates t, and of its join. The edition Documented has neither.
func templatesOrganization(e instrument.Edition) (column, join string) {
	if e == instrument.Coder {
		return ", o.name", "\nJOIN organizations o ON o.id = t.organization_id"
	}
	return "", ""
}

// scanOrganization appends the destination of the column of [templatesOrganization] to
// those of the columns before it.
func (s snapshot) scanOrganization(columns []any, organization *string) []any {
	if s.edition == instrument.Coder {
		return append(columns, organization)
	}
	return columns
}

// templateUsageSQL returns a row for each template with active users: their number,
// and the minutes of each kind of session, summed over users. A minute in several
// workspaces of a user and template counts once. $1, $2: the window.
func templateUsageSQL(e instrument.Edition) string {
	organization, join := templatesOrganization(e)
	return `
SELECT t.name, count(*), sum(used.vscode), sum(used.jetbrains), sum(used.reconnecting_pty), sum(used.ssh)` + organization + `
FROM (
	SELECT template_id, user_id,
		count(DISTINCT date_trunc('minute', created_at)) FILTER (WHERE session_count_vscode > 0) AS vscode,
		count(DISTINCT date_trunc('minute', created_at)) FILTER (WHERE session_count_jetbrains > 0) AS jetbrains,
		count(DISTINCT date_trunc('minute', created_at)) FILTER (WHERE session_count_reconnecting_pty > 0) AS reconnecting_pty,
		count(DISTINCT date_trunc('minute', created_at)) FILTER (WHERE session_count_ssh > 0) AS ssh
	FROM workspace_agent_stats
	WHERE created_at >= $1 AND created_at < $2
		AND (session_count_vscode > 0 OR session_count_jetbrains > 0 OR session_count_reconnecting_pty > 0 OR session_count_ssh > 0)
	GROUP BY template_id, user_id
	HAVING max(connection_count) > 0
) used
JOIN templates t ON t.id = used.template_id` + join + `
GROUP BY t.id, t.name` + organization
}

// appUsageSQL returns a row for each template and app: the minutes of its use, summed
// over users. A session uses every minute that it touches. Only minutes in the window
// are generated, however long a session is. $1, $2: the window.
func appUsageSQL(e instrument.Edition) string {
	organization, join := templatesOrganization(e)
	return `
SELECT t.name, used.display_name, used.slug, sum(used.minutes)` + organization + `
FROM (
	SELECT w.template_id, s.user_id, p.slug, coalesce(p.display_name, '') AS display_name, count(DISTINCT minute) AS minutes
	FROM workspace_app_stats s
	JOIN workspaces w ON w.id = s.workspace_id
	JOIN workspace_apps p ON p.agent_id = s.agent_id AND p.slug = s.slug_or_port
	CROSS JOIN generate_series(
		greatest(date_trunc('minute', s.session_started_at), date_trunc('minute', $1::timestamptz)),
		least(date_trunc('minute', s.session_ended_at - interval '1 microsecond'), $2::timestamptz),
		interval '1 minute'
	) AS minute
	WHERE s.session_ended_at > $1::timestamptz AND date_trunc('minute', s.session_started_at) < $2::timestamptz
		AND minute >= $1::timestamptz AND minute < $2::timestamptz
	GROUP BY w.template_id, s.user_id, p.slug, coalesce(p.display_name, '')
) used
JOIN templates t ON t.id = used.template_id` + join + `
GROUP BY t.id, t.name, used.display_name, used.slug` + organization
}

// parameterUsageSQL counts the parameters' values of each workspace's newest build in
// the window, for the parameters that its template version has. $1, $2: the window;
// $3: the largest number of characters of a value.
func parameterUsageSQL(e instrument.Edition) string {
	organization, join := templatesOrganization(e)
	return `
SELECT t.name, p.name, p.type, left(v.value, $3), count(*)` + organization + `
FROM (
	SELECT DISTINCT ON (workspace_id) id, template_version_id
	FROM workspace_builds
	WHERE created_at >= $1 AND created_at < $2
	ORDER BY workspace_id, build_number DESC
) b
JOIN template_versions tv ON tv.id = b.template_version_id
JOIN templates t ON t.id = tv.template_id` + join + `
JOIN template_version_parameters p ON p.template_version_id = b.template_version_id
JOIN workspace_build_parameters v ON v.workspace_build_id = b.id AND v.name = p.name
GROUP BY t.id, t.name, p.name, p.type, left(v.value, $3)` + organization
}

// Insights implements [meters.InsightsSource].
func (i insights) Insights(ctx context.Context) (meters.Insights, error) {
	var all meters.Insights
	err := i.db.read(ctx, "insights", func(ctx context.Context, s snapshot) error {
		all = meters.Insights{}
		from, to := s.now.Add(-insightsWindow), s.now
		sessions, err := s.part(ctx, func() error { return readTemplateUsage(ctx, s, &all, from, to) })
		if err != nil {
			return err
		}
		apps, err := s.part(ctx, func() error { return readAppUsage(ctx, s, &all, from, to) })
		if err != nil {
			return err
		}
		if !sessions || !apps {
			all.Applications = nil // one family, served as a whole
		}
		if !i.db.serves(instrument.InsightsParameters, s.missing) {
			return nil
		}
		_, err = s.part(ctx, func() error { return readParameterUsage(ctx, s, &all, from, to) })
		return err
	})
	if failed(err) {
		return meters.Insights{}, err
	}
	return all, err
}

func readTemplateUsage(ctx context.Context, s snapshot, all *meters.Insights, from, to time.Time) error {
	var template, organization string
	var users int
	var vscode, jetbrains, terminal, ssh float64 // minutes
	return s.each(ctx, func() error {
		all.ActiveUsers = append(all.ActiveUsers, meters.TemplateUsers{Template: template, Organization: organization, Users: users})
		all.Applications = append(all.Applications,
			meters.ApplicationUsage{Template: template, Organization: organization, Application: "Visual Studio Code", Seconds: vscode * 60},
			meters.ApplicationUsage{Template: template, Organization: organization, Application: "JetBrains", Seconds: jetbrains * 60},
			meters.ApplicationUsage{Template: template, Organization: organization, Application: "Web Terminal", Seconds: terminal * 60},
			meters.ApplicationUsage{Template: template, Organization: organization, Application: "SSH", Seconds: ssh * 60},
		)
		return nil
	}, s.scanOrganization([]any{&template, &users, &vscode, &jetbrains, &terminal, &ssh}, &organization), templateUsageSQL(s.edition), from, to)
}

func readAppUsage(ctx context.Context, s snapshot, all *meters.Insights, from, to time.Time) error {
	var app meters.ApplicationUsage
	var minutes float64
	return s.each(ctx, func() error {
		app.Seconds = minutes * 60
		all.Applications = append(all.Applications, app)
		return nil
	}, s.scanOrganization([]any{&app.Template, &app.Application, &app.Slug, &minutes}, &app.Organization), appUsageSQL(s.edition), from, to)
}

func readParameterUsage(ctx context.Context, s snapshot, all *meters.Insights, from, to time.Time) error {
	var p meters.ParameterUsage
	return s.each(ctx, func() error {
		all.Parameters = append(all.Parameters, p)
		return nil
	}, s.scanOrganization([]any{&p.Template, &p.Name, &p.Type, &p.Value, &p.Builds}, &p.Organization), parameterUsageSQL(s.edition), from, to, maxParameter)
}
