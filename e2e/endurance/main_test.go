package endurance

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/e2e/coderd"
	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
)

var (
	hostileTime = flag.Duration("hostile", 10*time.Second, "how long strangers do their worst")
	kills       = flag.Int("kills", 50, "how often the example is killed")
	soakTime    = flag.Duration("soak", 20*time.Second, "how long everything runs under load and faults")
)

// The first test that starts a program builds it.
var (
	program   *coderd.Program
	otelcoder *service.Program
)

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "endurance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program, otelcoder = coderd.NewProgram(dir), service.NewProgram(dir)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// grants returns the grants of the edition Documented for a role.
func grants(role string) string { return coderschema.Grants(instrument.Documented, role) }
