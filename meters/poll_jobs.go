package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// JobsSource counts the running provisioner jobs by provisioner. Provisioners without
// jobs may be left out.
type JobsSource interface {
	RunningJobs(ctx context.Context) (map[Provisioner]int, error)
}

func runningJobs(out *output, c config, source JobsSource, refused sourceRefusals) collector {
	return collector{
		name:     "jobs",
		families: []instrument.Family{instrument.ProvisionerdJobsCurrent},
		interval: c.interval,
		replaced: &out.jobsCounted,
		collect: func(ctx context.Context) (snapshot, int, error) {
			counts, err := source.RunningJobs(ctx)
			if err != nil {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Workspaces: runningJobsSamples(counts, c, refused)}, len(counts), nil
		},
	}
}

// runningJobsSamples returns a sample for each documented provisioner.
func runningJobsSamples(counts map[Provisioner]int, c config, refused sourceRefusals) []sample {
	var running [len(provisioners)]float64
	for provisioner, n := range counts {
		i, documented := provisioner.index()
		if refused.documented(documented) && refused.valid(float64(n)) {
			running[i] = float64(n)
		}
	}
	var samples []sample
	for i, provisioner := range provisioners {
		samples = append(samples, c.sample(instrument.ProvisionerdJobsCurrent, instrument.ProvisionerJob{Provisioner: string(provisioner)}, running[i]))
	}
	return samples
}
