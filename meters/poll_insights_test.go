package meters

import (
	"math"
	"testing"
	"testing/synctest"

	"github.com/otelcoder/otelcoder/instrument"
	"github.com/otelcoder/otelcoder/meters/meterstest"
)

// TestInsightsOfOrganizations checks that the edition Coder has separate series for templates
// of different organizations.
func TestInsightsOfOrganizations(t *testing.T) {
	for edition, want := range map[instrument.Edition]string{
		instrument.Documented: `# TYPE coderd_insights_applications_usage_seconds gauge
coderd_insights_applications_usage_seconds{application_name="SSH",slug="",template_name="docker"} 180
# TYPE coderd_insights_parameters gauge
coderd_insights_parameters{parameter_name="region",parameter_type="string",parameter_value="eu",template_name="docker"} 5
# TYPE coderd_insights_templates_active_users gauge
coderd_insights_templates_active_users{template_name="docker"} 6
`,
		instrument.Coder: `# TYPE coderd_insights_applications_usage_seconds gauge
coderd_insights_applications_usage_seconds{application_name="SSH",organization_name="acme",slug="",template_name="docker"} 60
coderd_insights_applications_usage_seconds{application_name="SSH",organization_name="labs",slug="",template_name="docker"} 120
# TYPE coderd_insights_parameters gauge
coderd_insights_parameters{organization_name="acme",parameter_name="region",parameter_type="string",parameter_value="eu",template_name="docker"} 1
coderd_insights_parameters{organization_name="labs",parameter_name="region",parameter_type="string",parameter_value="eu",template_name="docker"} 4
# TYPE coderd_insights_templates_active_users gauge
coderd_insights_templates_active_users{organization_name="acme",template_name="docker"} 3
coderd_insights_templates_active_users{organization_name="labs",template_name="docker"} 3
`,
	} {
		synctest.Test(t, func(t *testing.T) {
			m := meterstest.NewReaderOf(t, edition)
			poll(t, m, Sources{Edition: edition, Insights: insightsFunc(answers(Insights{
				ActiveUsers: []TemplateUsers{
					{Template: "docker", Organization: "acme", Users: 2},
					{Template: "docker", Organization: "labs", Users: 3},
					{Template: "docker", Organization: "acme", Users: 1}, // a deleted template
				},
				Applications: []ApplicationUsage{
					{Template: "docker", Organization: "acme", Application: "SSH", Seconds: 60},
					{Template: "docker", Organization: "labs", Application: "SSH", Seconds: 120},
				},
				Parameters: []ParameterUsage{
					{Template: "docker", Organization: "acme", Name: "region", Type: "string", Value: "eu", Builds: 1},
					{Template: "docker", Organization: "labs", Name: "region", Type: "string", Value: "eu", Builds: 4},
				},
			}))})
			m.Expect(t, want, instrument.InsightsApplicationsUsage, instrument.InsightsParameters, instrument.InsightsTemplatesActiveUsers)
		})
	}
}

func TestInsights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := meterstest.NewReader(t)
		poll(t, m, Sources{Insights: insightsFunc(answers(Insights{
			ActiveUsers: []TemplateUsers{
				{Template: "docker", Users: 2}, {Template: "docker", Users: 3}, // in two organizations
				{Template: "k\xffs", Users: 1}, {Template: "k\ufffds", Users: 1},
				{Template: "negative", Users: -1},
			},
			Applications: []ApplicationUsage{
				{Template: "docker", Application: "SSH", Seconds: 60}, {Template: "docker", Application: "SSH", Seconds: 120},
				{Template: "docker", Application: "Web Terminal", Seconds: 0},
				{Template: "docker", Application: "code \"server\"\n", Slug: "c\xff", Seconds: 300},
				{Template: "docker", Application: "NaN", Seconds: math.NaN()},
			},
			Parameters: []ParameterUsage{
				{Template: "docker", Name: "region", Type: "string", Value: "eu", Builds: 1},
				{Template: "docker", Name: "region", Type: "string", Value: "eu", Builds: 4},
				{Template: "docker", Name: "region", Type: "string", Value: "us\x00\xff", Builds: 1},
				{Template: "docker", Name: "region", Type: "string", Value: "negative", Builds: -1},
			},
		}))})
		m.Expect(t, `# TYPE coderd_insights_applications_usage_seconds gauge
coderd_insights_applications_usage_seconds{application_name="SSH",slug="",template_name="docker"} 180
coderd_insights_applications_usage_seconds{application_name="Web Terminal",slug="",template_name="docker"} 0
coderd_insights_applications_usage_seconds{application_name="code \"server\"\n",slug="c�",template_name="docker"} 300
# TYPE coderd_insights_parameters gauge
coderd_insights_parameters{parameter_name="region",parameter_type="string",parameter_value="eu",template_name="docker"} 5
coderd_insights_parameters{parameter_name="region",parameter_type="string",parameter_value="us��",template_name="docker"} 1
# TYPE coderd_insights_templates_active_users gauge
coderd_insights_templates_active_users{template_name="docker"} 5
coderd_insights_templates_active_users{template_name="k�s"} 2
`, instrument.InsightsApplicationsUsage, instrument.InsightsParameters, instrument.InsightsTemplatesActiveUsers)
		wantValue(t, m, `otelcoder_source_series{source="insights"}`, 7)
		wantRefused(t, m, 0, 3)
	})
}
