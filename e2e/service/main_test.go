package service_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/e2e/service"
)

// otelcoder is the service, built by the first test that starts it.
var otelcoder *service.Program

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "service-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	otelcoder = service.NewProgram(dir)
	// They wait most of the time, for what takes seconds on any machine.
	flag.Set("test.parallel", "4")
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}
