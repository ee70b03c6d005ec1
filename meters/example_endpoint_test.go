package meters_test

import (
	"fmt"
	"testing"

	"github.com/otelcoder/otelcoder/internal/metertest"
)

// endpoint stands for an exporter of package exporters.
type endpoint struct{ *metertest.Meter }

func newEndpoint() endpoint { return endpoint{metertest.New(example{})} }

// scrape prints what a scrape shows of the families.
func (e endpoint) scrape(families ...string) { fmt.Print(e.Text(example{}, families...)) }

// example is as much of a test as an example needs.
type example struct{ testing.TB }

func (example) Helper()                        {}
func (example) Cleanup(func())                 {}
func (example) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (example) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
