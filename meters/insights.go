package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

func insights(c config, source InsightsSource, refused sourceRefusals) subject {
	return subject{
		name: "insights",
		families: []instrument.Family{
			instrument.InsightsTemplatesActiveUsers,
			instrument.InsightsApplicationsUsage,
			instrument.InsightsParameters,
		},
		interval: c.insightsInterval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			i, err := source.Insights(ctx)
			if err != nil {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: insightsSamples(i, refused)}, len(i.ActiveUsers) + len(i.Applications) + len(i.Parameters), nil
		},
	}
}

// insightsSamples merges rows: templates of two organizations may share a name.
func insightsSamples(i Insights, refused sourceRefusals) []sample {
	// The keys are label values in the catalogue's order.
	users := make(map[string]float64, len(i.ActiveUsers))
	for _, row := range i.ActiveUsers {
		if refused.sound(float64(row.Users)) {
			users[refused.text(row.Template)] += float64(row.Users)
		}
	}
	usage := make(map[[3]string]float64, len(i.Applications))
	for _, row := range i.Applications {
		if refused.sound(row.Seconds) {
			usage[[3]string{refused.text(row.Application), refused.text(row.Slug), refused.text(row.Template)}] += row.Seconds
		}
	}
	builds := make(map[[4]string]float64, len(i.Parameters))
	for _, row := range i.Parameters {
		if refused.sound(float64(row.Builds)) {
			builds[[4]string{refused.text(row.Name), refused.text(row.Type), refused.text(row.Value), refused.text(row.Template)}] += float64(row.Builds)
		}
	}

	samples := make([]sample, 0, len(users)+len(usage)+len(builds))
	for template, n := range users {
		samples = append(samples, newSample(instrument.InsightsTemplatesActiveUsers, n, template))
	}
	for key, seconds := range usage {
		samples = append(samples, newSample(instrument.InsightsApplicationsUsage, seconds, key[:]...))
	}
	for key, n := range builds {
		samples = append(samples, newSample(instrument.InsightsParameters, n, key[:]...))
	}
	return samples
}
