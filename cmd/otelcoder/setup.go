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
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"github.com/otelcoder/otelcoder/internal/postgres"
	"github.com/otelcoder/otelcoder/internal/shell"
)

// setupOptions are the role that is set up, and how.
type setupOptions struct {
	ownerURL       string // from the environment; may be empty
	role           string
	rotatePassword bool
	dryRun         bool
}

// ownerVariable holds the URL of the owner. No flag does: other users of the host
// see the flags of a process.
const ownerVariable = "OTELCODER_OWNER_URL"

func setupCommand(stderr io.Writer) *cli.Command {
	var o setupOptions
	return &cli.Command{
		Name:  "setup",
		Usage: "create the role that the database is read as, and print its URL",
		Description: `It connects as the owner of the deployment's database, by the URL in
` + ownerVariable + ` or, in a terminal, by the one that it asks for. It creates
the role with a random password, grants what "otelcoder grants" lists, prints the
service's URL, a Secret for Kubernetes and scrape jobs, and reads everything once as
the role. The password is shown this once, and no server log has it.

Run it again after an upgrade of Coder: it grants what is missing, and keeps the
password unless --rotate-password is given. Its exit code is 1 if something is
wrong.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name:        "role",
				Usage:       "`NAME` of the role",
				Value:       "otelcoder",
				Destination: &o.role,
			},
			&cli.BoolFlag{
				Name:        "rotate-password",
				Usage:       "set another random password for a role that exists, and show it",
				Destination: &o.rotatePassword,
			},
			&cli.BoolFlag{
				Name:        "dry-run",
				Usage:       "print the SQL and change nothing; without " + ownerVariable + ", the SQL for a database that has no such role",
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
		p := newRolePlan("public", o.role, verifier)
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
		return misused(errors.New("the URL of the owner cannot be used: give it as postgres://user:password@host:port/database"))
	}
	owner, err := postgres.Connect(ctx, o.ownerURL)
	if err != nil {
		if _, refused := errors.AsType[*pgconn.ConnectError](err); refused {
			return fmt.Errorf("connect as the owner: %w", err)
		}
		return misused(err)
	}
	defer owner.Close(context.WithoutCancel(ctx))

	plan, err := planRole(ctx, owner, o.role, verifier, o.rotatePassword)
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
		return fmt.Errorf("the password has not been printed: --rotate-password sets another one: %w", err)
	}
	return checkRole(ctx, plan, access, stdout)
}

func randomSalt() []byte {
	salt := make([]byte, 16)
	rand.Read(salt)
	return salt
}

// askOwnerURL reads the URL of the owner from the terminal, which does not show it.
func askOwnerURL(ctx context.Context, stderr io.Writer) (string, error) {
	stdin := int(os.Stdin.Fd())
	before, err := term.GetState(stdin)
	if err != nil {
		return "", misused(errors.New("no URL of the owner: give it by " + ownerVariable + ", or run this in a terminal"))
	}
	fmt.Fprint(stderr, "URL of the database as its owner, postgres://user:password@host:port/database (not shown): ")
	defer fmt.Fprintln(stderr)
	type answer struct {
		line []byte
		err  error
	}
	answered := make(chan answer, 1)
	// A read of a terminal cannot be stopped: this one ends with the process.
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
			return "", fmt.Errorf("read the URL of the owner: %w", a.err)
		}
		if url == "" {
			return "", misused(errors.New("no URL of the owner was given"))
		}
		return url, nil
	}
}

// ofOwner are the parameters of the owner's URL that are not for another role.
var ofOwner = map[string]bool{
	"user": true, "password": true, "passfile": true, "role": true,
	"sslcert": true, "sslkey": true, "sslpassword": true, "sslcertmode": true,
}

// roleURL is the URL of the owner with another role's name and password. It is
// complete: what the owner's URL leaves to the environment is added from the
// connection. The rest is not written anew, since several hosts make no URL that
// package url takes.
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

// scrapeJobs are those of examples/prometheus/service.
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
	done := "exists and may read everything: nothing has been changed"
	if !p.empty() {
		done = "existed; it may log in and read everything now"
	}
	_, err := fmt.Fprintf(w, `The role %s %s.
Its password is kept, and is not known here: --rotate-password sets another one.
`, postgres.Quote(p.role), done)
	return err
}

// printAccess prints what a service needs to read the database as the role.
func printAccess(w io.Writer, p rolePlan, url string) error {
	done := "is created"
	if p.exists {
		done = "has a new password: give it to each service that runs"
	}
	_, err := fmt.Fprintf(w, `The role %s %s.

The URL that the service connects by, with the host as it is reached from here. It is
not shown again:

export CODER_PG_CONNECTION_URL=%s

The Secret that the Helm chart takes it from:

apiVersion: v1
kind: Secret
metadata:
  name: otelcoder-db-url
stringData:
  url: %s

Jobs for Prometheus, with each replica as a target. Drop from the job of Coder's
own endpoint what otelcoder metrics --drop-from-coder prints.

%s
`, postgres.Quote(p.role), done, shell.Quote(url), yamlQuoted(url), scrapeJobs)
	return err
}

// yamlQuoted returns a string of JSON, which is one of YAML as well.
func yamlQuoted(text string) string {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	encoder.Encode(text) // cannot fail
	return strings.TrimSuffix(quoted.String(), "\n")
}

// checkRole does what "otelcoder check" does, as the role, and prints it.
func checkRole(ctx context.Context, p rolePlan, url string, stdout io.Writer) error {
	o := databaseOptions{url: url, collectAgentStats: true, inactivityTimeout: 30 * time.Second}
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
