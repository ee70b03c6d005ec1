package meters_test

import (
	"fmt"
	"testing"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// endpoint replaces an exporter of package exporters.
type endpoint struct{ *meterstest.Reader }

func newEndpoint() endpoint { return newEndpointOf(instrument.Documented) }

func newEndpointOf(e instrument.Edition) endpoint {
	return endpoint{meterstest.NewReaderOf(example{}, e)}
}

// scrape prints the exposition of the families.
func (e endpoint) scrape(families ...instrument.Family) { fmt.Print(e.Text(example{}, families...)) }

// example implements testing.TB as far as examples need it.
type example struct{ testing.TB }

func (example) Helper()                        {}
func (example) Cleanup(func())                 {}
func (example) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (example) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
