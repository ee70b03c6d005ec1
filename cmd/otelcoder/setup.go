package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/shell"
)

// setupOptions are the flags and the environment of setup.
type setupOptions struct {
	ownerURL       string // from the environment; may be empty
	role           string
	edition        instrument.Edition
	rotatePassword bool
	dryRun         bool
}

// ownerVariable is the variable with the owner's URL. There is no flag for it, since
// other users of the host can see the flags of a process.
const ownerVariable = "OTELCODER_OWNER_URL"

func setupCommand(stderr io.Writer) *cli.Command {
	var o setupOptions
	return &cli.Command{
		Name:  "setup",
		Usage: "create the database role of the service, and print its URL",
		Description: `It connects as the owner of the deployment's database, by the URL in
` + ownerVariable + `, or asks for the URL in a terminal. It creates the role with a
random password and the grants of "otelcoder grants", prints the service's URL, a
Secret for Kubernetes and scrape jobs, and then runs "otelcoder check" as the role.
The password is shown only once and never appears in the database's log.

Run it again after an upgrade of Coder: it adds missing grants, and keeps the
password unless --rotate-password is given. Its exit code is 1 if the setup or the
check fails.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name:        "role",
				Usage:       "`NAME` of the role",
				Value:       "otelcoder",
				Destination: &o.role,
			},
			editionFlag("", &o.edition),
			&cli.BoolFlag{
				Name:        "rotate-password",
				Usage:       "set a new random password for an existing role, and show it",
				Destination: &o.rotatePassword,
			},
			&cli.BoolFlag{
				Name:        "dry-run",
				Usage:       "print the SQL and change nothing; without " + ownerVariable + ", the SQL for a database without the role",
				Destination: &o.dryRun,
			},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := validName("--role", o.role); err != nil {
				return misused(err)
			}
			o.ownerURL = strings.TrimSpace(os.Getenv(ownerVariable))
			return setup(ctx, o, c.Root().Writer, stderr)
		},
	}
}

func setup(ctx context.Context, o setupOptions, stdout, stderr io.Writer) error {
	verifier, password := noVerifier, rand.Text()
	if !o.dryRun {
		text, err := scramVerifier(password, randomSalt())
		if err != nil {
			return err
		}
		verifier = "'" + text + "'"
	}
	if o.ownerURL == "" && o.dryRun {
		p := newRolePlan(o.edition, "public", o.role, verifier)
		_, err := io.WriteString(stdout, p.script())
		return err
	}
	if o.ownerURL == "" {
		var err error
		if o.ownerURL, err = askOwnerURL(ctx, stderr); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(o.ownerURL, "postgres://") && !strings.HasPrefix(o.ownerURL, "postgresql://") {
		return misused(errors.New("the owner's URL is invalid: give it as postgres://user:password@host:port/database"))
	}
	owner, err := postgres.Connect(ctx, o.ownerURL)
	if err != nil {
		if _, refused := errors.AsType[*pgconn.ConnectError](err); refused {
			return fmt.Errorf("connect as the owner: %w", err)
		}
		return misused(err)
	}
	defer owner.Close(context.WithoutCancel(ctx))

	plan, err := planRole(ctx, owner, o.edition, o.role, verifier, o.rotatePassword)
	if err != nil {
		return err
	}
	if o.dryRun {
		_, err := io.WriteString(stdout, plan.script())
		return err
	}
	if err := plan.apply(ctx, owner); err != nil {
		return err
	}
	if !plan.newPassword {
		return printKept(stdout, plan)
	}
	// The password is printed before anything else can fail.
	access := roleURL(o.ownerURL, o.role, password, owner.Config())
	if err := printAccess(stdout, plan, access); err != nil {
		return fmt.Errorf("the password could not be printed: --rotate-password sets a new one: %w", err)
	}
	return checkRole(ctx, plan, access, stdout)
}

func randomSalt() []byte {
	salt := make([]byte, 16)
	rand.Read(salt)
	return salt
}

// askOwnerURL reads the owner's URL from the terminal, without echo.
func askOwnerURL(ctx context.Context, stderr io.Writer) (string, error) {
	stdin := int(os.Stdin.Fd())
	before, err := term.GetState(stdin)
	if err != nil {
		return "", misused(errors.New("no owner's URL: set " + ownerVariable + ", or run this in a terminal"))
	}
	fmt.Fprint(stderr, "URL of the database as its owner, postgres://user:password@host:port/database (not shown): ")
	defer fmt.Fprintln(stderr)
	type answer struct {
		line []byte
		err  error
	}
	answered := make(chan answer, 1)
	// A read from a terminal cannot be canceled; it ends with the process.
	go func() {
		line, err := term.ReadPassword(stdin)
		answered <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		term.Restore(stdin, before)
		return "", errors.New("canceled: nothing has been changed")
	case a := <-answered:
		url := strings.TrimSpace(string(a.line))
		if a.err != nil && !errors.Is(a.err, io.EOF) {
			return "", fmt.Errorf("read the owner's URL: %w", a.err)
		}
		if url == "" {
			return "", misused(errors.New("no owner's URL was given"))
		}
		return url, nil
	}
}

// ofOwner lists the parameters of the owner's URL that apply to the owner only.
var ofOwner = map[string]bool{
	"user": true, "password": true, "passfile": true, "role": true,
	"sslcert": true, "sslkey": true, "sslpassword": true, "sslcertmode": true,
}

// roleURL returns the owner's URL with the name and password of another role. Parts
// that the owner's URL leaves to the environment are added from the connection. The
// other parts are copied as text, since package url cannot parse several hosts.
func roleURL(owner, role, password string, config *pgx.ConnConfig) string {
	scheme, rest, _ := strings.Cut(owner, "://")
	address, query, _ := strings.Cut(rest, "?")
	if _, after, ok := strings.Cut(address, "@"); ok {
		address = after
	}
	hosts, database, _ := strings.Cut(address, "/")

	var parameters []string
	has := make(map[string]bool)
	for parameter := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(parameter, "=")
		if name, err := url.QueryUnescape(name); err == nil && name != "" && !ofOwner[name] {
			parameters = append(parameters, parameter)
			has[name] = true
		}
	}
	add := func(name, value string) {
		if !has[name] && value != "" {
			parameters = append(parameters, name+"="+url.QueryEscape(value))
		}
	}
	if hosts == "" && !has["host"] {
		add("host", config.Host)
		add("port", fmt.Sprint(config.Port))
	}
	if database == "" && !has["dbname"] {
		database = url.PathEscape(config.Database)
	}
	add("sslmode", os.Getenv("PGSSLMODE"))
	add("sslrootcert", os.Getenv("PGSSLROOTCERT"))

	full := scheme + "://" + url.UserPassword(role, password).String() + "@" + hosts + "/" + database
	if len(parameters) > 0 {
		full += "?" + strings.Join(parameters, "&")
	}
	return full
}

// scrapeJobs are the scrape jobs of examples/prometheus/service.
const scrapeJobs = `scrape_configs:
  - job_name: otelcoder
    metrics_path: /metrics/replica
    static_configs:
      - targets: ["localhost:2112"]
        labels:
          apps: coder
  - job_name: otelcoder-deployment
    metrics_path: /metrics/deployment
    static_configs:
      - targets: ["localhost:2112"]
        labels:
          apps: coder
    metric_relabel_configs:
      - action: labeldrop
        regex: pod|instance
`

// printKept reports on a role whose password is kept.
func printKept(w io.Writer, p rolePlan) error {
	done := "exists and can read everything: nothing has been changed"
	if !p.empty() {
		done = "already existed; it can now log in and read everything"
	}
	_, err := fmt.Fprintf(w, `The role %s %s.
Its password is unchanged and cannot be shown: --rotate-password sets a new one.
`, postgres.Quote(p.role), done)
	return err
}

// printAccess prints the settings with which a service reads the database as the role.
func printAccess(w io.Writer, p rolePlan, url string) error {
	done := "was created"
	if p.exists {
		done = "has a new password: update each running service"
	}
	exports, values := "export CODER_PG_CONNECTION_URL="+shell.Quote(url), ""
	if p.edition != instrument.Documented {
		exports += "\nexport " + editionVariable + "=" + p.edition.String()
		values = fmt.Sprintf(editionValues, p.edition)
	}
	_, err := fmt.Fprintf(w, `The role %s %s.

The service's URL of the database, with the host as reached from here. It is not shown
again:

%s

The same URL as a Secret, for the Helm chart:

apiVersion: v1
kind: Secret
metadata:
  name: otelcoder-db-url
stringData:
  url: %s
%s
Scrape jobs for Prometheus, with each replica as a target. For the job of Coder's own
endpoint, add the relabelling that this prints:

%s --drop-from-coder

%s
`, postgres.Quote(p.role), done, exports, yamlQuoted(url), values, inEdition(p.edition, "otelcoder metrics"), scrapeJobs)
	return err
}

// editionValues are the values of the chart for an edition.
const editionValues = `
The edition of the metrics, in the values of the chart:

metricNames: %s
`

// yamlQuoted returns text as a JSON string, which is valid YAML, too.
func yamlQuoted(text string) string {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	encoder.Encode(text) // cannot fail
	return strings.TrimSuffix(quoted.String(), "\n")
}

// checkRole runs "otelcoder check" as the role.
func checkRole(ctx context.Context, p rolePlan, url string, stdout io.Writer) error {
	o := defaultDatabase()
	o.url, o.edition = url, p.edition
	d, err := diagnose(ctx, o, defaultCollection(), slog.New(slog.DiscardHandler))
	if err == nil {
		fmt.Fprintf(stdout, "Checked as %s:\n\n", postgres.Quote(p.role))
		if err := new(printOptions).print(stdout, d); err != nil {
			return err
		}
		err = d.err()
	}
	if err != nil {
		return fmt.Errorf("%s is set up, but the check as this role fails: %w", postgres.Quote(p.role), err)
	}
	return nil
}
