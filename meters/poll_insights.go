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
	Template     string
	Organization string // the template's; edition Coder
	Users        int
}

// ApplicationUsage is the time that users of a template used an application.
type ApplicationUsage struct {
	Template     string
	Organization string  // the template's; edition Coder
	Application  string  // display name, or "Visual Studio Code", "JetBrains", "Web Terminal", "SSH"
	Slug         string  // empty for these four
	Seconds      float64 // use in seconds, summed over users, of whole minutes each
}

// ParameterUsage is the number of builds with a value of a template's parameter.
type ParameterUsage struct {
	Template     string
	Organization string // the template's; edition Coder
	Name         string
	Type         string
	Value        string // entered by a user
	Builds       int
}

func insights(c config, source InsightsSource, refused sourceRefusals) collector {
	series := newInsightsSeries(c)
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
			return snapshot{instrument.Deployment: series.samples(i, refused)}, len(i.ActiveUsers) + len(i.Applications) + len(i.Parameters), err
		},
	}
}

// insightsSeries are the series of [InsightsSource].
type insightsSeries struct {
	users  *merged[instrument.TemplateUsers]
	usage  *merged[instrument.ApplicationUsage]
	builds *merged[instrument.ParameterUsage]
}

func newInsightsSeries(c config) *insightsSeries {
	return &insightsSeries{
		users:  newMerged[instrument.TemplateUsers](c, instrument.InsightsTemplatesActiveUsers),
		usage:  newMerged[instrument.ApplicationUsage](c, instrument.InsightsApplicationsUsage),
		builds: newMerged[instrument.ParameterUsage](c, instrument.InsightsParameters),
	}
}

// samples merges rows with equal labels: templates of two organizations may have
// the same name, and so may a template and deleted ones of its organization.
func (s *insightsSeries) samples(i Insights, refused sourceRefusals) []sample {
	for _, row := range i.ActiveUsers {
		if refused.valid(float64(row.Users)) {
			s.users.add(instrument.TemplateUsers{
				OrganizationName: refused.text(row.Organization),
				TemplateName:     refused.text(row.Template),
			}, float64(row.Users))
		}
	}
	for _, row := range i.Applications {
		if refused.valid(row.Seconds) {
			s.usage.add(instrument.ApplicationUsage{
				ApplicationName:  refused.text(row.Application),
				OrganizationName: refused.text(row.Organization),
				Slug:             refused.text(row.Slug),
				TemplateName:     refused.text(row.Template),
			}, row.Seconds)
		}
	}
	for _, row := range i.Parameters {
		if refused.valid(float64(row.Builds)) {
			s.builds.add(instrument.ParameterUsage{
				OrganizationName: refused.text(row.Organization),
				ParameterName:    refused.text(row.Name),
				ParameterType:    refused.text(row.Type),
				ParameterValue:   refused.text(row.Value),
				TemplateName:     refused.text(row.Template),
			}, float64(row.Builds))
		}
	}

	samples := make([]sample, 0, s.users.size()+s.usage.size()+s.builds.size())
	samples = s.users.appendTo(samples)
	samples = s.usage.appendTo(samples)
	return s.builds.appendTo(samples)
}
