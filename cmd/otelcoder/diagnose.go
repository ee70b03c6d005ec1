package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/reporterlock"
	"github.com/otelcoder/otelcoder/internal/shell"
	"github.com/otelcoder/otelcoder/meters"
	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// state is the result of one check.
type state string

const (
	stateOK      state = "ok"
	stateWarning state = "warning" // works, at a cost
	stateFailed  state = "failed"
)

// finding is the result of one check. Text from the database may hold any
// character.
type finding struct {
	state   state
	title   string
	detail  string
	command string // for a shell, solves the problem; empty if no command can
}

// diagnosis is what "otelcoder check" prints.
type diagnosis struct {
	edition  instrument.Edition
	findings []finding
	// unreachable is the error if the database cannot be reached. It is then the
	// only finding.
	unreachable error
	answers     []answer // of the sources; nil if the sources were not read
	unserved    map[instrument.Family]coderschema.Reason
	fleet       *fleet // nil if the sources were not read
}

// err returns an error if a check failed.
func (d *diagnosis) err() error {
	if d.unreachable != nil {
		return d.unreachable
	}
	failed := 0
	for _, f := range d.findings {
		if f.state == stateFailed {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d checks failed, see above", failed, len(d.findings))
}

// diagnose reads everything once. An error means that the options cannot be used,
// or that ctx has ended; an unreachable database is a finding.
func diagnose(ctx context.Context, o databaseOptions, collection collectionOptions, log *slog.Logger) (*diagnosis, error) {
	url, options, err := o.options(ctx, log)
	if err != nil {
		return nil, misused(err)
	}
	db, err := coderdb.Open(ctx, url, append(slices.Clip(options), coderdb.WithInterval(collection.interval))...)
	if err != nil {
		return nil, misused(err)
	}
	defer db.Close()
	lock, err := postgres.ParseConfig(cmp.Or(o.reporterURL, url))
	if err != nil {
		return nil, misused(err)
	}

	found, err := inspect(ctx, url, o.edition, o.off())
	if err != nil {
		return &diagnosis{edition: o.edition, findings: []finding{{stateFailed, "connection", err.Error(), ""}}, unreachable: err}, ctx.Err()
	}
	d := &diagnosis{edition: o.edition, findings: []finding{serverFinding(found), tlsFinding(found)}}
	if found.Schema == "" {
		d.findings = append(d.findings, noCoderFinding(found))
		return d, ctx.Err()
	}
	d.findings = append(d.findings, reporterFindings(found, reporterlock.Check(ctx, o.edition, lock), o.reporterURL != "")...)

	sources := db.Sources()
	fleet := &fleet{AgentsSource: sources.Agents, LicenseSource: sources.License}
	sources.Agents, sources.License = fleet, fleet
	d.fleet = fleet
	if d.answers, err = ask(ctx, sources, collection.options()); err != nil {
		return nil, err
	}
	d.answers = append(d.answers, askEvents(ctx, o.edition, db))
	d.unserved = found.Unserved
	d.findings = append(d.findings, schemaFinding(found, d.answers), grantsFinding(found, d.answers), rowsFinding(found, d.answers))
	d.findings = append(d.findings, versionFindings(found)...)
	d.findings = append(d.findings, clockFindings(found, o.inactivityTimeout)...)
	d.findings = append(d.findings, fleet.tailnet(found.Unserved)...)
	d.findings = append(d.findings, fleet.found()...)
	d.findings = append(d.findings, sourceFindings(found, d.answers)...)
	return d, ctx.Err()
}

// inspect inspects the database on a new connection. An error means that the database
// cannot be reached.
func inspect(ctx context.Context, url string, e instrument.Edition, off []instrument.Family) (*coderschema.Inspection, error) {
	conn, err := postgres.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return coderschema.Inspect(ctx, conn, e, off)
}

func serverFinding(found *coderschema.Inspection) finding {
	f := finding{stateOK, "server", "PostgreSQL " + found.Server, ""}
	if !found.Supported {
		f.state, f.detail = stateFailed, f.detail+" is not supported: use 13 or later"
	}
	return f
}

func tlsFinding(found *coderschema.Inspection) finding {
	f := finding{stateOK, "TLS", found.TLS, ""}
	switch {
	case found.TLS != "" && found.Verified:
		f.detail += ", certificate verified"
	case found.TLS != "":
		f.detail += ", certificate not verified: set sslmode=verify-full in the URL"
	case found.Local:
		f.detail = "not used: the connection is local"
	default:
		f.state, f.detail = stateWarning, "the connection is not encrypted: set sslmode=verify-full in the URL"
	}
	return f
}

func noCoderFinding(found *coderschema.Inspection) finding {
	return finding{stateFailed, "schema", fmt.Sprintf("no schema of the database %q has Coder's tables: is this the database of a Coder deployment?", found.Database), ""}
}

// reporterFindings returns the findings on the reporter's connection. err is the error
// of [reporterlock.Check]; elsewhere means that --postgres-reporter-url is set.
func reporterFindings(found *coderschema.Inspection, err error, elsewhere bool) []finding {
	role := finding{stateOK, "server role", "primary", ""}
	if found.Standby {
		role.detail = "standby"
	}
	if elsewhere {
		role.detail += "; the reporter is elected on --postgres-reporter-url"
	}
	pooler := finding{stateOK, "pooler", "none in transaction mode", ""}
	limit := finding{stateOK, "connection limit", "none", ""}
	if found.ConnectionLimit >= 0 {
		limit.detail = fmt.Sprintf("%d, and each process needs %d", found.ConnectionLimit, postgres.Connections)
	}
	if found.RaiseLimit != "" {
		limit.state, limit.detail, limit.command = stateFailed, "too few connections are allowed: "+limit.detail, psql(found.RaiseLimit)
	}
	switch {
	case err == nil:
	case errors.Is(err, reporterlock.ErrStandby):
		role.state, role.detail = stateFailed, err.Error()
		return []finding{role, limit}
	case errors.Is(err, reporterlock.ErrTransactionPooler):
		pooler.state, pooler.detail = stateFailed, err.Error()
	case errors.Is(err, reporterlock.ErrConnectionLimit):
		if limit.state == stateOK {
			limit.state, limit.detail = stateFailed, err.Error()
		}
	default:
		return []finding{role, {stateFailed, "reporter", err.Error(), ""}, limit}
	}
	return []finding{role, pooler, limit}
}

func schemaFinding(found *coderschema.Inspection, answers []answer) finding {
	if len(found.Absent) == 0 {
		return finding{stateOK, "schema", fmt.Sprintf("%s has Coder's tables", found.Schema), ""}
	}
	s, suffix := effect(answers, coderschema.ErrSchema)
	return finding{s, "schema", fmt.Sprintf("%s lacks %s, which every supported version of Coder has%s", found.Schema, columns(found.Absent), suffix), ""}
}

func grantsFinding(found *coderschema.Inspection, answers []answer) finding {
	f := finding{stateOK, "grants", fmt.Sprintf("the role %s can read every column that otelcoder needs", found.Role), ""}
	if found.Usage && len(found.Denied) == 0 {
		return f
	}
	var denied []string
	reason := coderschema.ErrPermission
	if len(found.Denied) > 0 {
		denied = append(denied, "read "+columns(found.Denied))
	}
	if !found.Usage {
		denied = append(denied, "use the schema "+found.Schema)
		reason = coderschema.ErrSchema
	}
	s, suffix := effect(answers, reason)
	f.state, f.detail = s, fmt.Sprintf("the role %s cannot %s%s", found.Role, strings.Join(denied, " or "), suffix)
	f.command = coderschema.GrantCommand(found.Edition, found.Schema, found.Role)
	return f
}

// versionFindings returns a finding for each effect of tables and columns that this
// version of Coder lacks.
func versionFindings(found *coderschema.Inspection) []finding {
	const title = "Coder version"
	if len(found.Lacks) == 0 {
		return []finding{{stateOK, title, "has every optional table and column", ""}}
	}
	var consequences []string
	missing := make(map[string][]string) // by cost
	for _, l := range found.Lacks {
		what := l.Table
		switch {
		case l.Unlogged:
			what += " (unlogged, so a standby cannot read it)"
		case l.Columns != nil:
			what += "." + strings.Join(l.Columns, ", "+l.Table+".")
		}
		if missing[l.Consequence] == nil {
			consequences = append(consequences, l.Consequence)
		}
		missing[l.Consequence] = append(missing[l.Consequence], what)
	}
	var findings []finding
	for _, c := range consequences {
		findings = append(findings, finding{stateWarning, title, "lacks " + strings.Join(missing[c], ", ") + ": " + c, ""})
	}
	return findings
}

func rowsFinding(found *coderschema.Inspection, answers []answer) finding {
	const title = "row-level security"
	switch {
	case len(found.Hidden) > 0:
		s, suffix := effect(answers, coderschema.ErrRowSecurity)
		return finding{s, title, fmt.Sprintf("hides every row of %s from the role%s", strings.Join(found.Hidden, ", "), suffix), psql(found.AllowRows)}
	case len(found.Filtered) > 0:
		return finding{stateWarning, title,
			fmt.Sprintf("applies to %s: hidden rows are not counted", strings.Join(found.Filtered, ", ")), psql(found.BypassRows)}
	}
	return finding{stateOK, title, "hides no rows from the role", ""}
}

// maxSkew is the age of a heartbeat in the future that is still normal: a heartbeat may
// arrive during the check. A heartbeat older than maxSilence is ignored.
const (
	maxSkew    = time.Second
	maxSilence = time.Hour
)

// clockFindings compares Coder's clock, which stamps the agents' heartbeats, with the
// clock of the database. It returns no finding without a recent heartbeat.
func clockFindings(found *coderschema.Inspection, inactivityTimeout time.Duration) []finding {
	const title = "clock"
	switch age := found.Heartbeat; {
	case age == nil || *age > maxSilence:
		return nil
	case *age < -maxSkew:
		return []finding{{stateWarning, title, fmt.Sprintf("Coder's clock is at least %v ahead of the database's, so agents count as connected for that long after they stop: synchronise both clocks",
			-age.Round(time.Second)), ""}}
	case *age > inactivityTimeout:
		return []finding{{stateWarning, title, fmt.Sprintf("the newest agent heartbeat is %v old: no agent is connected, or Coder's clock is behind the database's",
			age.Round(time.Second)), ""}}
	}
	return []finding{{stateOK, title, fmt.Sprintf("the newest agent heartbeat is %v old", max(*found.Heartbeat, 0).Round(time.Second)), ""}}
}

// fleet wraps two sources and counts their results.
type fleet struct {
	meters.AgentsSource
	meters.LicenseSource

	inUse, licensed          []string // the latest counts of each source, as text
	agents, connected, nodes int      // nodes: connected agents with a tailnet node
}

// Agents implements [meters.AgentsSource].
func (f *fleet) Agents(ctx context.Context) ([]meters.Workspace, error) {
	all, err := f.AgentsSource.Agents(ctx)
	if err != nil {
		return nil, err
	}
	f.agents, f.connected, f.nodes = 0, 0, 0
	for _, w := range all {
		for _, a := range w.Agents {
			f.agents++
			if a.Status != meters.AgentConnected {
				continue
			}
			f.connected++
			if a.TailnetNode != "" {
				f.nodes++
			}
		}
	}
	f.inUse = []string{number(len(all), "workspace"), fmt.Sprintf("%s (%d connected)", number(f.agents, "agent"), f.connected)}
	return all, nil
}

// License implements [meters.LicenseSource].
func (f *fleet) License(ctx context.Context) (meters.License, error) {
	license, err := f.LicenseSource.License(ctx)
	if err == nil {
		f.licensed = []string{number(license.ActiveUsers, "active user")}
	}
	return license, err
}

// tailnet reports whether Coder stores the tailnet in the database. It returns no
// finding if no agent is connected or the table is missing.
func (f *fleet) tailnet(unserved map[instrument.Family]coderschema.Reason) []finding {
	const title = "high availability"
	_, missing := unserved[instrument.AgentsConnectionLatencies]
	switch {
	case f.connected == 0 || missing:
		return nil
	case f.nodes == 0:
		return []finding{{stateWarning, title, fmt.Sprintf("tailnet_peers has no connected agent: Coder fills it only with its high-availability license; keep %s and %s from Coder's own endpoint",
			instrument.AgentsConnectionLatencies, instrument.AgentsConnections), ""}}
	}
	return []finding{{stateOK, title, fmt.Sprintf("tailnet nodes are known for %d of %d connected agents", f.nodes, f.connected), ""}}
}

func (f *fleet) found() []finding {
	counted := slices.Concat(f.inUse, f.licensed)
	if counted == nil {
		return nil
	}
	return []finding{{stateOK, "found", strings.Join(counted, ", "), ""}}
}

// slow is the duration of a collection above which other collections wait for it.
const slow = 5 * time.Second

// sourceFindings returns a finding for each error of sources that no other finding
// explains, and a finding for the slowest source.
func sourceFindings(found *coderschema.Inspection, answers []answer) []finding {
	var reasons []string
	failing := make(map[string][]string)
	for _, a := range answers {
		if a.err == nil || explained(found, a.err) {
			continue
		}
		_, reason, ok := strings.Cut(a.err.Error(), ": ")
		if !ok || !strings.HasPrefix(a.err.Error(), "read ") {
			reason = a.err.Error()
		}
		if failing[reason] == nil {
			reasons = append(reasons, reason)
		}
		failing[reason] = append(failing[reason], a.source)
	}
	var findings []finding
	for _, reason := range reasons {
		findings = append(findings, finding{stateFailed, "sources", strings.Join(failing[reason], ", ") + ": " + reason, ""})
	}
	answered := slices.DeleteFunc(slices.Clone(answers), func(a answer) bool { return a.err != nil })
	if len(answered) == 0 {
		return findings
	}
	slowest := slices.MaxFunc(answered, func(a, b answer) int { return cmp.Compare(a.took, b.took) })
	f := finding{stateOK, "slowest source", fmt.Sprintf("%s, %v", slowest.source, slowest.took.Round(100*time.Microsecond)), ""}
	if slowest.took > slow {
		f.state = stateWarning
		f.detail += ": other collections wait for it"
	}
	return append(findings, f)
}

// explained reports whether another finding gives the cause of a source's error.
func explained(found *coderschema.Inspection, err error) bool {
	server, _ := errors.AsType[*pgconn.PgError](err)
	switch {
	case server != nil && server.Code == postgres.TooManyConnections:
		return found.RaiseLimit != ""
	case errors.Is(err, coderschema.ErrPermission):
		return len(found.Denied) > 0
	case errors.Is(err, coderschema.ErrSchema):
		return !found.Usage || len(found.Absent) > 0
	case errors.Is(err, coderschema.ErrRowSecurity):
		return len(found.Hidden) > 0
	}
	return false
}

// failingWith returns the sources whose error wraps reason.
func failingWith(answers []answer, reason error) []string {
	var sources []string
	for _, a := range answers {
		if errors.Is(a.err, reason) {
			sources = append(sources, a.source)
		}
	}
	return sources
}

// effect returns the state of a finding that makes sources fail with reason, and the
// names of these sources as the end of a sentence. The state is a warning if no source
// fails, since options leave out the families that need the missing rights.
func effect(answers []answer, reason error) (state, string) {
	switch sources := failingWith(answers, reason); {
	case len(sources) == len(answers):
		return stateFailed, "; every source fails"
	case len(sources) > 1:
		return stateFailed, "; " + strings.Join(sources, ", ") + " fail"
	case len(sources) == 1:
		return stateFailed, "; " + sources[0] + " fails"
	case slices.ContainsFunc(answers, func(a answer) bool { return a.err != nil }):
		return stateFailed, "" // another error may hide that a source fails with reason
	}
	return stateWarning, ", which no enabled source needs"
}

// columns names up to three columns of one table, and otherwise counts them.
func columns(tables []coderschema.Table) string {
	if t := tables[0]; len(tables) == 1 && len(t.Columns) <= 3 {
		return t.Name + "." + strings.Join(t.Columns, ", "+t.Name+".")
	}
	n := 0
	for _, t := range tables {
		n += len(t.Columns)
	}
	if len(tables) == 1 {
		return fmt.Sprintf("%d columns of %s", n, tables[0].Name)
	}
	return fmt.Sprintf("%d columns of %d tables", n, len(tables))
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// psql returns the shell command with which the owner of the database runs sql.
func psql(sql string) string { return `psql "$OWNER_URL" -c ` + shell.Quote(sql) }
