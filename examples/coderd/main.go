// Command coderd is an example: a small control plane like Coder's that serves all of
// Coder's documented metrics. Its users, templates, workspaces and builds are invented
// and kept in memory. Its HTTP requests, its agents' websockets and its calls to an
// OAuth2 provider are real.
//
//	go run ./examples/coderd --prometheus-enable
//
// Then open http://127.0.0.1:3000/, the front page, whose buttons start and stop
// workspaces, break agents and templates, use up a rate limit and stop the
// database, and http://127.0.0.1:2112/, the status page and the metrics, where
// every family changes. Neither requires a password: by default both listen on this
// host only.
//
// With --otlp-endpoint it pushes the same metrics, and traces, to a collector such as
// that of examples/collector.
//
// # Files
//
//   - coderd.go wires the program: an exporter, the recorders on its providers,
//     the middleware around the router, the poller. Start here.
//   - api.go, agentapi.go: the HTTP API and the server side of the agents'
//     websockets. The middleware alone measures requests; metrics that an agent
//     forwards are recorded by [meters.Forwarded].
//   - provisioner.go: runs builds and measures them with [meters.Builds] and
//     [meters.Jobs].
//   - oauth2.go: calls to an OAuth2 provider through [meters.OAuth2].
//   - sources.go: the sources of [meters.Meters.Poll], which read store.go through
//     database.go, which can be stopped.
//   - front.go: the front page.
//   - agent.go, load.go: clients of the control plane: the agents, two of them
//     hostile, and the users' requests.
//
// # At rest
//
// With --load 0 the program makes no requests after it is ready: the agents stay
// connected (coderd_api_concurrent_websockets is 50) and report over their open
// websockets. Before, it makes one request and one refused websocket, so that each
// family of the API has a sample.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills the process
	if err := run(ctx, os.Args, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "coderd:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	prometheusEnable  bool
	prometheusAddress string
	otlpEndpoint      string
	httpAddress       string
	workspaces        int // number of workspaces
	load              int // requests a second
}

// run runs the program until ctx ends. It returns an error of one line if the program
// cannot start.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	command := &cli.Command{
		Name:      "coderd",
		Usage:     "a small control plane with all of Coder's documented metrics",
		Writer:    stdout,
		ErrWriter: stderr,
		Flags: []cli.Flag{
			&cli.BoolFlag{
				Name:        "prometheus-enable",
				Usage:       "serve metrics on the prometheus address",
				Sources:     cli.EnvVars("CODER_PROMETHEUS_ENABLE"),
				Destination: &o.prometheusEnable,
			},
			&cli.StringFlag{
				Name:        "prometheus-address",
				Usage:       "`HOST:PORT` to serve metrics on",
				Sources:     cli.EnvVars("CODER_PROMETHEUS_ADDRESS"),
				Value:       "127.0.0.1:2112",
				Validator:   validAddress,
				Destination: &o.prometheusAddress,
			},
			&cli.StringFlag{
				Name:        "otlp-endpoint",
				Usage:       "`URL` to push metrics and traces to, in place of OTEL_EXPORTER_OTLP_ENDPOINT",
				Destination: &o.otlpEndpoint,
			},
			&cli.StringFlag{
				Name:        "http-address",
				Usage:       "`HOST:PORT` to serve the API on",
				Sources:     cli.EnvVars("CODER_HTTP_ADDRESS"),
				Value:       "127.0.0.1:3000",
				Validator:   validAddress,
				Destination: &o.httpAddress,
			},
			&cli.IntFlag{
				Name:        "workspaces",
				Usage:       "number of workspaces; the first 50 have an agent that connects",
				Value:       50,
				Validator:   between(2, 100_000),
				Destination: &o.workspaces,
			},
			&cli.IntFlag{
				Name:        "load",
				Usage:       "requests a second that users make, 0 for none",
				Value:       20,
				Validator:   between(0, 1000),
				Destination: &o.load,
			},
		},
		HideHelpCommand: true,
		OnUsageError:    func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err },
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // main handles errors
		ArgValidator: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return fmt.Errorf("takes flags only, not %q; see --help", c.Args().First())
			}
			return nil
		},
		Action: func(ctx context.Context, _ *cli.Command) error {
			err := serve(ctx, o, slog.New(slog.NewTextHandler(stderr, nil)))
			if ctx.Err() != nil {
				return nil // stopped by a signal, perhaps during the start
			}
			return err
		},
	}
	return command.Run(ctx, args)
}

func validAddress(address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return errors.New("give an address of this host as <host>:<port>")
	}
	return nil
}

func between(least, most int) func(int) error {
	return func(n int) error {
		if n < least || n > most {
			return fmt.Errorf("give a number from %d to %d", least, most)
		}
		return nil
	}
}
