// Command coderd is a small control plane in the likeness of Coder's, made to
// be read: it shows what a program does to have all of Coder's documented
// metrics. Its users, templates, workspaces and builds live in memory and are
// invented; its HTTP requests, its agents' websockets and its calls to an
// OAuth2 provider are real.
//
//	go run ./examples/coderd --prometheus-enable
//
// Then open http://127.0.0.1:3000/, the front page, whose buttons start and stop
// workspaces, break agents and templates, use up a rate limit and stop the
// database, and http://127.0.0.1:2112/, the status page and the metrics, where
// every family moves. Neither asks for a password: both listen on this host alone
// unless a flag says otherwise.
//
// With --otlp-endpoint it pushes the same metrics, and traces, to a collector:
// examples/collector has one to try it with.
//
// # What to look at
//
//   - coderd.go puts it together: an exporter, the recorders on its providers,
//     the middleware around the router, the poller. Start here.
//   - api.go, agentapi.go: the HTTP API and the end of the agents' websockets.
//     Requests are measured by the middleware alone; what an agent forwards goes
//     to [meters.Forwarded].
//   - provisioner.go: runs builds and measures them with [meters.Builds] and
//     [meters.Jobs].
//   - oauth2.go: calls to an OAuth2 provider through [meters.OAuth2].
//   - sources.go: the state that [meters.Meters.Poll] asks for, read from store.go,
//     through database.go, which can be stopped.
//   - front.go: the front page.
//   - agent.go, load.go: what is outside of a control plane and makes it move:
//     the agents, two of them hostile, and the users' requests.
//
// # At rest
//
// With --load 0 the API is left alone once the program says that it is ready:
// the agents stay connected (coderd_api_concurrent_websockets is 50) and report
// over the websockets they have. One request and one refused websocket pass the
// API before that, so that each of its families has a sample.
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
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	if err := run(ctx, os.Args, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "coderd:", err)
		os.Exit(1)
	}
}

// options are what flags and environment say.
type options struct {
	prometheusEnable  bool
	prometheusAddress string
	otlpEndpoint      string
	httpAddress       string
	workspaces        int // how many there are
	load              int // requests a second
}

// run is the program: it returns nil when ctx ends, and an error of one line if
// it cannot start.
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
				Usage:       "`URL` to push metrics and traces to, if not that of OTEL_EXPORTER_OTLP_ENDPOINT",
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
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // main's business
		ArgValidator: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return fmt.Errorf("takes flags only, not %q; see --help", c.Args().First())
			}
			return nil
		},
		Action: func(ctx context.Context, _ *cli.Command) error {
			err := serve(ctx, o, slog.New(slog.NewTextHandler(stderr, nil)))
			if ctx.Err() != nil {
				return nil // ended as asked, perhaps before all had started
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
