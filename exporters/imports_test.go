package exporters_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestScrapedProgramsLinkNoPush checks that a program that is only scraped links neither
// gRPC, nor an OTLP exporter, nor the packages of the service's endpoint.
func TestScrapedProgramsLinkNoPush(t *testing.T) {
	const module = "github.com/otelcoder/otelcoder/"
	list := exec.CommandContext(t.Context(), "go", "list", "-deps",
		module+"instrument", module+"meters", module+"httpmw", module+"exporters")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Errorf("%d packages are linked, want at least 100: %q", len(packages), packages)
	}
	for _, name := range packages {
		for _, push := range []string{"google.golang.org/grpc", "go.opentelemetry.io/otel/exporters/otlp", "go.opentelemetry.io/proto", module + "exporters/otlp",
			"github.com/prometheus/exporter-toolkit"} {
			if name == push || strings.HasPrefix(name, push+"/") {
				t.Errorf("%s is linked", name)
			}
		}
	}
}
