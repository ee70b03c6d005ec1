package deployment

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/instrument"
)

var (
	sizes    = flag.String("sizes", "10", "numbers of workspaces, separated by commas")
	interval = flag.Duration("interval", 2*time.Second, "time between collections of each source")
	edition  = instrument.Documented
)

// otelcoder is the service. The first test that starts it builds it.
var otelcoder *service.Program

func TestMain(m *testing.M) {
	flag.Func("metric-names", "`edition` of the metrics that the service serves", func(name string) (err error) {
		edition, err = instrument.ParseEdition(name)
		return err
	})
	flag.Parse()
	dir, err := os.MkdirTemp("", "deployment-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	otelcoder = service.NewProgram(dir)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}
