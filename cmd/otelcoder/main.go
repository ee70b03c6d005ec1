// Command otelcoder is the service: it reads the state of an unmodified Coder
// deployment from its PostgreSQL database and serves it to Prometheus, or pushes
// it over OTLP, as the metrics that Coder documents.
//
//	otelcoder setup
//	otelcoder server --prometheus-enable
//	otelcoder status
//
// docs/service.md is the operator's page. server.go wires the packages that measure; the
// other files have the commands, their flags and their output.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the image has no time zones, which the schedules of prebuilt workspaces name

	"github.com/urfave/cli/v3"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills the process
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

// misused marks an error in flags or environment, for exit code 2.
func misused(err error) error { return cli.Exit(err, 2) }

// run runs the program. Its error is one line that names the remedy, and never quotes
// an argument that may be a URL with a password.
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
		// The library does not call OnUsageError for errors of variables.
		return misused(flagError(command, err))
	}
	return err
}

func newCommand(stderr io.Writer) *cli.Command {
	root := &cli.Command{
		Name:  "otelcoder",
		Usage: "serve the metrics of a Coder deployment, read from its database",
		Description: `It runs beside an unmodified deployment: "otelcoder setup" creates a database role
with the required grants, "otelcoder check" reads everything once as that role and
reports problems, and "otelcoder server" serves the metrics. "otelcoder status"
shows the state of a running service, and "otelcoder metrics" lists the metrics.`,
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
			// The library's own flag prints the version in another form.
			&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version", Local: true},
		},
		HideHelpCommand:                 true, // the library's own command quotes its argument
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: completion,
		ExitErrHandler:                  func(context.Context, *cli.Command, error) {}, // main handles errors
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

// noArguments refuses arguments. It does not quote them, since they may be the URL of
// the database without its flag.
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
