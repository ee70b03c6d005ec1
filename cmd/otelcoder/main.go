// Command otelcoder is the service: it reads the state of an unmodified Coder
// deployment from its PostgreSQL database and serves it to Prometheus, or pushes
// it over OTLP, as the metrics that Coder documents.
//
//	otelcoder server --prometheus-enable
//	otelcoder check
//
// docs/service.md is the operator's page. What is measured and how is the
// business of the packages that it puts together: server.go is the wiring, the
// other files are the commands, their flags and what they print.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	if err := run(ctx, os.Args, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "otelcoder:", err)
		os.Exit(1)
	}
}

// run is the program. Its error is one line that says what to do, and never
// quotes an argument that may be a URL with a password.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command := newCommand(stderr)
	command.Writer, command.ErrWriter = stdout, stderr
	return command.Run(ctx, args)
}

func newCommand(stderr io.Writer) *cli.Command {
	root := &cli.Command{
		Name:        "otelcoder",
		Usage:       "the metrics of a Coder deployment, read from its database",
		Description: description(),
		Commands: []*cli.Command{
			serverCommand(stderr),
			checkCommand(stderr),
			grantsCommand(),
			versionCommand(),
		},
		HideHelpCommand: true,
		OnUsageError:    usageError,
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // main's business
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return errors.New("there is no such command; see otelcoder --help")
			}
			return cli.ShowRootCommandHelp(c)
		},
	}
	for _, c := range root.Commands {
		c.OnUsageError = usageError
		c.ArgValidator = noArguments
		for _, f := range c.Flags {
			f.(interface{ SetStringer(cli.FlagStringFunc) }).SetStringer(describe)
		}
	}
	return root
}

func usageError(_ context.Context, _ *cli.Command, err error, _ bool) error { return err }

// noArguments does not quote what it refuses: it may be the URL of the database,
// without its flag.
func noArguments(_ context.Context, c *cli.Command) error {
	if c.Args().Present() {
		return fmt.Errorf("%s takes flags only; see %s --help", c.FullName(), c.FullName())
	}
	return nil
}

func description() string {
	return `It stands beside an unmodified deployment: "otelcoder grants" writes the script
for a database role that may read what is read, "otelcoder check" tells what that
role finds, and "otelcoder server" serves it.

Some metrics exist only inside a control plane. One that is written in Go and
imports otelcoder serves all of those that Coder documents; this service serves:

` + tableText(nil, func(row) []string { return nil })
}
