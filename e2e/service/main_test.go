package service_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
)

// otelcoder is the service. The first test that starts it builds it.
var otelcoder *service.Program

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "service-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	otelcoder = service.NewProgram(dir)
	// Run four tests at a time even on few CPUs: they mostly wait for timeouts of seconds.
	flag.Set("test.parallel", "4")
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// grants returns the grants of the edition Documented for a role.
func grants(role string) string { return coderschema.Grants(instrument.Documented, role) }
