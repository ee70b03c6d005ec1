package meters_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/meters"
)

func Example() {
	exporter, err := exporters.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := meters.New(exporter.Providers())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		ctx := context.Background()
		if err := errors.Join(exporter.Shutdown(ctx), m.Shutdown(ctx)); err != nil {
			fmt.Println(err)
		}
	}()

	m.Jobs().Start(meters.Terraform)

	// Mount this handler on a server of the program.
	scrape := httptest.NewRecorder()
	exporter.Handler().ServeHTTP(scrape, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(scrape.Body.String()) {
		if strings.HasPrefix(line, "coderd_") {
			fmt.Print(line)
		}
	}
	// Output:
	// coderd_provisionerd_jobs_current{provisioner="echo"} 0
	// coderd_provisionerd_jobs_current{provisioner="terraform"} 1
}
