package exporters_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/otelcoder/otelcoder/exporters"
	"github.com/otelcoder/otelcoder/instrument"
)

// TestNames checks that name[] selects families, as in promhttp.
func TestNames(t *testing.T) {
	e := newExporter(t, exporters.WithGatherer(registry()))
	observe(t, e, instrument.AgentsApps, instrument.Documented.Labels(instrument.AgentsApps, instrument.AgentApp{Health: "healthy"}), 1)
	for _, test := range []struct {
		path, query string
		want        []string
	}{
		{"/metrics", "name[]=coderd_agents_up", []string{"coderd_agents_up"}},
		{"/", "name[]=coderd_agents_up", []string{"coderd_agents_up"}},
		{"/metrics/", "name%5B%5D=coderd_agents_up", []string{"coderd_agents_up"}},
		{"/metrics/deployment", "name[]=coderd_agents_apps&name[]=coderd_agents_up", []string{"coderd_agents_apps", "coderd_agents_up"}},
		{"/metrics/replica", "name[]=coderd_agents_up", nil},
		{"/metrics/replica", "name[]=go_goroutines&name[]=coderd_provisionerd_jobs_current", []string{"coderd_provisionerd_jobs_current", "go_goroutines"}},
		{"/metrics/host", "name[]=host_jobs&name[]=coderd_agents_up", []string{"host_jobs"}},
		{"/metrics", "name[]=host_jobs_total&name[]=go_info&name[]=coderd_agents_up", []string{"coderd_agents_up", "go_info", "host_jobs_total"}},
		{"/metrics", "name[]=coderd_agents_up&name[]=coderd_agents_up&other=1", []string{"coderd_agents_up"}},
		{"/metrics", "name[]=unknown", nil},
		{"/metrics", "name[]=", nil},
		{"/metrics", "name[]", nil},
		{"/metrics", "name[]=host_wait_seconds_bucket", nil}, // a series, not a family
		{"/metrics", "name[]=coderd_agents_up%ff", nil},
	} {
		for as, got := range ask(t, e, test.path+"?"+test.query) {
			if !slices.Equal(got.names(), test.want) {
				t.Errorf("%s?%s as %s: %q, want %q", test.path, test.query, as, got.names(), test.want)
			}
		}
	}
	all := parsed(t, scrape(t, e, "GET", "/metrics"))
	for _, query := range []string{"name=coderd_agents_up", "other[]=x"} {
		if got := parsed(t, scrape(t, e, "GET", "/metrics?"+query)); !slices.Equal(got.names(), all.names()) {
			t.Errorf("?%s: got the families %q, want all", query, got.names())
		}
	}
	for _, query := range []string{"name[]=%zz", "name[]=a;b", "other=%zz"} {
		if got := scrape(t, e, "GET", "/metrics?"+query).StatusCode; got != http.StatusBadRequest {
			t.Errorf("?%s is invalid: status %d, want 400", query, got)
		}
	}
	head := scrape(t, e, "HEAD", "/metrics?name[]=coderd_agents_up")
	get := scrape(t, e, "GET", "/metrics?name[]=coderd_agents_up")
	if head.StatusCode != http.StatusOK || head.Header.Get("Content-Length") != get.Header.Get("Content-Length") {
		t.Errorf("HEAD: status %s, header %v, want 200 and the Content-Length of GET", head.Status, head.Header)
	}
	if got := parsed(t, scrape(t, e, "GET", "/?name[]=coderd_agents_up", "Accept", firefox)); len(got) != 1 {
		t.Errorf("name[] from a browser: got the families %q, want coderd_agents_up", got.names())
	}
	if got := scrapeErrors(t, e); got != "0" {
		t.Errorf("%s scrape errors", got)
	}
}

// TestNamesAreTheSameText checks that the text of a family is the same with and without
// name[].
func TestNamesAreTheSameText(t *testing.T) {
	e := newExporter(t, exporters.WithGatherer(registry()))
	for _, accept := range []string{"text/plain", acceptOpenMetrics} {
		all := body(t, scrape(t, e, "GET", "/metrics", "Accept", accept))
		for _, name := range []string{"coderd_agents_up", "coderd_api_concurrent_requests", "coderd_provisionerd_jobs_current", "go_info", "host_wait_seconds"} {
			got := body(t, scrape(t, e, "GET", "/metrics?name[]="+name, "Accept", accept))
			got = strings.TrimSuffix(got, "# EOF\n")
			if !strings.HasPrefix(got, "# HELP "+name+" ") || !strings.Contains(all, got) {
				t.Errorf("%s: %q is not part of the whole scrape", name, got)
			}
		}
	}
}

// TestNamesRenderNothingElse checks that a query renders only the group of its family.
func TestNamesRenderNothingElse(t *testing.T) {
	e := newExporter(t)
	conversions := 0
	e.OnConversion(func() { conversions++ })
	scrape(t, e, "GET", "/metrics?name[]=go_info&name[]=coderd_provisionerd_jobs_current")
	if conversions != 0 {
		t.Errorf("%d families of the deployment were rendered, want 0", conversions)
	}
}

func TestTooManyParameters(t *testing.T) {
	e := newExporter(t)
	const name = "name[]=coderd_agents_up"
	if got := parsed(t, scrape(t, e, "GET", "/metrics?"+name+strings.Repeat("&"+name, 999))); len(got) != 1 {
		t.Errorf("1,000 names: got the families %q, want coderd_agents_up", got.names())
	}
	response := scrape(t, e, "GET", "/metrics?"+name+strings.Repeat("&"+name, 1000))
	if text := body(t, response); response.StatusCode != http.StatusBadRequest || text != "no metrics: the query has more than 1000 parameters\n" {
		t.Errorf("1,001 names: status %s, %q, want 400", response.Status, text)
	}
}

// TestNamesLeaveTheStatusPageAlone checks that the status page counts the series of all
// families after a scrape with name[].
func TestNamesLeaveTheStatusPageAlone(t *testing.T) {
	e := newExporter(t)
	scrape(t, e, "GET", "/metrics")
	scrape(t, e, "GET", "/metrics?name[]=go_info")
	r := view(t, e)
	if r.series(instrument.GoGoroutines) != 1 || r.series(instrument.AgentsUp) != 1 || r.series(instrument.APIConcurrentRequests) != 1 {
		t.Error("the status page does not count one series of each family")
	}
	if text := body(t, scrape(t, e, "GET", "/status")); !strings.Contains(text, "coderd_agents_up{") {
		t.Error("the preview lacks metrics")
	}
}

// FuzzNames checks that any query selects the families that it names, in each format and
// encoding.
func FuzzNames(f *testing.F) {
	for _, query := range []string{
		"", "name[]=coderd_agents_up", "name%5b%5d=go_info&name[]=host_jobs", "name[]=", "name[]", "name[]=%zz", "name[]=a;name[]=go_info",
		"&&&&", "name[]=go_info&name[]=go_info", "name[]=\xff", "name[]=host_wait_seconds_bucket", strings.Repeat("name[]=a&", 1001), "NAME[]=go_info",
	} {
		for format := range uint8(6) {
			f.Add(query, format)
		}
	}
	e, err := exporters.New(exporters.WithGatherer(registry()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Shutdown(context.Background()) })
	if _, err := e.Providers().Observe(func(o instrument.Observer) {
		o.Observe(instrument.AgentsUp, instrument.Documented.Labels(instrument.AgentsUp, instrument.WorkspaceAgents{TemplateName: "tmpl"}), 2)
	}, instrument.AgentsUp); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string, format uint8) {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.URL.RawQuery = query
		r.Header.Set("Accept", []string{"text/plain", acceptOpenMetrics, acceptProtobuf}[format%3])
		if format%2 == 1 {
			r.Header.Set("Accept-Encoding", "gzip")
		}
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		parameters, err := url.ParseQuery(query)
		if err != nil && w.Code != http.StatusBadRequest {
			t.Errorf("invalid query: status %d, want 400: %v", w.Code, err)
		}
		if w.Code == http.StatusBadRequest && (err != nil || strings.Count(query, "&") >= 1000) {
			return
		}
		got := parsed(t, w.Result())
		asked, filtered := parameters["name[]"]
		for _, name := range got.names() {
			if filtered && !slices.Contains(asked, name) {
				t.Errorf("%s is served but was not requested", name)
			}
		}
		for _, name := range []string{"coderd_agents_up", "go_info", "host_jobs_total"} {
			if (!filtered || slices.Contains(asked, name)) != (len(got[name]) > 0) {
				t.Errorf("%s is served: %t, want %t", name, len(got[name]) > 0, !filtered || slices.Contains(asked, name))
			}
		}
	})
}
