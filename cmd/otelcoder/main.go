// Command otelcoder is the service: it reads the state of an unmodified Coder
// deployment from its PostgreSQL database and serves it to Prometheus, or pushes
// it over OTLP, as the metrics that Coder documents.
//
//	otelcoder setup
//	otelcoder server --prometheus-enable
//	otelcoder status
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
	captureLibraryLogs()
	if err := run(ctx, os.Args, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "otelcoder:", err)
		code := 1
		if coder, ok := errors.AsType[cli.ExitCoder](err); ok {
			code = coder.ExitCode()
		}
		os.Exit(code)
	}
}

// misused marks an error of what the program is given, flags and environment: its
// exit code is 2.
func misused(err error) error { return cli.Exit(err, 2) }

// run is the program. Its error is one line that says what to do, and never
// quotes an argument that may be a URL with a password.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command := newCommand(stderr)
	command.Writer, command.ErrWriter = stdout, stderr
	begun := false
	command.Before = func(ctx context.Context, _ *cli.Command) (context.Context, error) {
		begun = true
		return ctx, nil
	}
	err := command.Run(ctx, args)
	if err != nil && !begun {
		// The library returns errors of variables past OnUsageError.
		return misused(flagError(command, err))
	}
	return err
}

func newCommand(stderr io.Writer) *cli.Command {
	root := &cli.Command{
		Name:  "otelcoder",
		Usage: "the metrics of a Coder deployment, read from its database",
		Description: `It stands beside an unmodified deployment: "otelcoder setup" makes a database role
that may read what is needed, "otelcoder check" tells what that role finds, and
"otelcoder server" serves it. "otelcoder status" shows how a service does, and
"otelcoder metrics" lists what is served.`,
		Commands: []*cli.Command{
			setupCommand(stderr),
			serverCommand(stderr),
			checkCommand(stderr),
			grantsCommand(),
			statusCommand(),
			metricsCommand(),
			versionCommand(),
			helpCommand(),
		},
		Flags: []cli.Flag{
			// The library's prints the version in another form.
			&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version", Local: true},
		},
		HideHelpCommand:                 true, // the library's quotes its argument
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: completion,
		ExitErrHandler:                  func(context.Context, *cli.Command, error) {}, // main's business
		Action: func(_ context.Context, c *cli.Command) error {
			switch {
			case c.Args().Present():
				return misused(noSuch("command", c.Args().First(), commandNames(c), "otelcoder --help"))
			case c.Bool("version"):
				return printVersion(c)
			}
			return cli.ShowRootCommandHelp(c)
		},
	}
	root.OnUsageError = usageError
	for _, c := range root.Commands {
		c.OnUsageError = usageError
		if c.ShellComplete == nil {
			c.ShellComplete = suggestFlags
		}
		if c.ArgValidator == nil {
			c.ArgValidator = noArguments
		}
		describe := describeIn(c)
		for _, f := range c.Flags {
			f.(interface{ SetStringer(cli.FlagStringFunc) }).SetStringer(describe)
		}
	}
	return root
}

func usageError(_ context.Context, c *cli.Command, err error, _ bool) error {
	return misused(flagError(c, err))
}

// noArguments does not quote what it refuses: it may be the URL of the database,
// without its flag.
func noArguments(_ context.Context, c *cli.Command) error {
	if c.Args().Present() {
		return misused(fmt.Errorf("%s takes flags only; see %s --help", c.FullName(), c.FullName()))
	}
	return nil
}

// commandNames returns the names of the commands that --help lists.
func commandNames(c *cli.Command) []string {
	var names []string
	for _, command := range c.Root().VisibleCommands() {
		names = append(names, command.Name)
	}
	return names
}
