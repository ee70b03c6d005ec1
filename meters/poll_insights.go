package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// InsightsSource aggregates the activity of users over the past five minutes.
type InsightsSource interface {
	Insights(ctx context.Context) (Insights, error)
}

// Insights is the activity of users over the past five minutes.
type Insights struct {
	ActiveUsers  []TemplateUsers
	Applications []ApplicationUsage
	Parameters   []ParameterUsage
}

// TemplateUsers is the number of users active in workspaces of a template.
type TemplateUsers struct {
	Template string
	Users    int
}

// ApplicationUsage is the time that users of a template used an application.
type ApplicationUsage struct {
	Template    string
	Application string  // display name, or "Visual Studio Code", "JetBrains", "Web Terminal", "SSH"
	Slug        string  // empty for these four
	Seconds     float64 // use in seconds, summed over users, of whole minutes each
}

// ParameterUsage is the number of builds with a value of a template's parameter.
type ParameterUsage struct {
	Template string
	Name     string
	Type     string
	Value    string // entered by a user
	Builds   int
}

func insights(c config, source InsightsSource, refused sourceRefusals) collector {
	sets := newLabelSets(c.edition)
	return collector{
		name: "insights",
		families: []instrument.Family{
			instrument.InsightsTemplatesActiveUsers,
			instrument.InsightsApplicationsUsage,
			instrument.InsightsParameters,
		},
		interval: c.insightsInterval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			i, err := source.Insights(ctx)
			if err != nil && !partial(err) {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: insightsSamples(i, sets, refused)}, len(i.ActiveUsers) + len(i.Applications) + len(i.Parameters), err
		},
	}
}

// insightsSamples merges rows with equal labels, because templates of two organizations
// may have the same name.
func insightsSamples(i Insights, sets *labelSets, refused sourceRefusals) []sample {
	defer sets.collected()
	users := make(map[instrument.TemplateUsers]float64, len(i.ActiveUsers))
	for _, row := range i.ActiveUsers {
		if refused.valid(float64(row.Users)) {
			users[instrument.TemplateUsers{TemplateName: refused.text(row.Template)}] += float64(row.Users)
		}
	}
	usage := make(map[instrument.ApplicationUsage]float64, len(i.Applications))
	for _, row := range i.Applications {
		if refused.valid(row.Seconds) {
			usage[instrument.ApplicationUsage{
				ApplicationName: refused.text(row.Application),
				Slug:            refused.text(row.Slug),
				TemplateName:    refused.text(row.Template),
			}] += row.Seconds
		}
	}
	builds := make(map[instrument.ParameterUsage]float64, len(i.Parameters))
	for _, row := range i.Parameters {
		if refused.valid(float64(row.Builds)) {
			builds[instrument.ParameterUsage{
				ParameterName:  refused.text(row.Name),
				ParameterType:  refused.text(row.Type),
				ParameterValue: refused.text(row.Value),
				TemplateName:   refused.text(row.Template),
			}] += float64(row.Builds)
		}
	}

	samples := make([]sample, 0, len(users)+len(usage)+len(builds))
	samples = appendSamples(sets, samples, instrument.InsightsTemplatesActiveUsers, users)
	samples = appendSamples(sets, samples, instrument.InsightsApplicationsUsage, usage)
	return appendSamples(sets, samples, instrument.InsightsParameters, builds)
}
