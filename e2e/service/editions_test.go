package service_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcoder/otelcoder/e2e"
	"github.com/otelcoder/otelcoder/e2e/collector"
	"github.com/otelcoder/otelcoder/e2e/invariant"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/internal/coderschema"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

// TestEditions starts two replicas of each edition at one database. It checks that one
// replica of each edition reports the deployment, with only the names of its edition,
// when scraped and when pushed to a collector.
func TestEditions(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t).Database(t)
	service.Deployment(t, db)
	url := db.Role(t, func(role string) string { return coderschema.Grants(instrument.Coder, role) })
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	c := collector.Start(t, filepath.Join(root, "examples/collector/config.yaml"))
	start := func(edition, job string) *service.Service {
		return otelcoder.StartWith(t, []string{"OTELCODER_METRIC_NAMES=" + edition, "OTEL_SERVICE_NAME=" + job, "OTEL_METRIC_EXPORT_INTERVAL=1000"},
			url, "--interval", "1s", "--insights-interval", "1s", "--otlp-endpoint", c.HTTP)
	}
	for edition, test := range map[string]struct {
		job      string
		contract e2e.Contract
		has      []string // families of the deployment that are waited for
	}{
		"documented": {"coder", e2e.Served(), []string{"coderd_api_workspace_latest_build_total", "coderd_agents_up"}},
		"coder":      {"coder-2026", e2e.ServedAsCoder(), []string{"coderd_api_workspace_latest_build", "coderd_agents_up"}},
	} {
		t.Run(edition, func(t *testing.T) {
			t.Parallel()
			replicas := []*service.Service{start(edition, test.job), start(edition, test.job)}
			complete := func(s *invariant.Scrape) error {
				var errs []error
				for _, name := range test.has {
					if f := s.Family(name); f == nil || len(f.Samples) == 0 {
						errs = append(errs, fmt.Errorf("no series of %s", name))
					}
				}
				return errors.Join(append(errs, s.Check(test.contract))...)
			}
			within(t, func() error {
				var reporters []*invariant.Scrape
				for _, r := range replicas {
					s, err := fetch(r.Metrics + "metrics")
					if err != nil {
						return err
					}
					if err := s.Check(test.contract); err != nil {
						t.Fatal(err)
					}
					if s.Value("otelcoder_reporter") == 1 {
						reporters = append(reporters, s)
					}
				}
				if len(reporters) != 1 {
					return fmt.Errorf("got %d reporting replicas, want 1", len(reporters))
				}
				return complete(reporters[0])
			})
			within(t, func() error {
				s, err := fetch(c.Metrics)
				if err != nil {
					return err
				}
				return complete(pushedBy(s, test.job))
			})
		})
	}
}

// pushedBy returns the deployment's series that a job pushed, from a scrape of the
// collector. It removes the labels that the collector added.
func pushedBy(s *invariant.Scrape, job string) *invariant.Scrape {
	found := &invariant.Scrape{Format: s.Format}
	for _, f := range s.Families {
		of := *f
		of.Samples = nil
		for _, sample := range f.Samples {
			if sample.Labels.Get("job") == job && sample.Labels.Get("instance") == "deployment" {
				sample.Labels = labels.NewBuilder(sample.Labels).Del("job", "instance").Labels()
				of.Samples = append(of.Samples, sample)
			}
		}
		if len(of.Samples) > 0 && f.Name != "target_info" {
			found.Families = append(found.Families, &of)
		}
	}
	return found
}

func fetch(url string) (*invariant.Scrape, error) {
	response, err := once.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return invariant.Parse(response.Header.Get("Content-Type"), body)
}

// within waits until check returns nil, and fails the test after faultTime.
func within(t *testing.T, check func() error) {
	t.Helper()
	err := check()
	for deadline := time.Now().Add(faultTime); err != nil; err = check() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
