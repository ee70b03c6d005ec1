package status_test

import (
	"net/http"
	"testing"

	"github.com/otelcoder/otelcoder/internal/status"
)

func TestIsBrowser(t *testing.T) {
	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	for name, test := range map[string]struct {
		accept []string
		want   bool
	}{
		"no header":                       {nil, false},
		"curl":                            {[]string{"*/*"}, false},
		"wget":                            {[]string{"*/*"}, false},
		"Go":                              {[]string{""}, false},
		"Prometheus 2":                    {[]string{"application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"}, false},
		"Prometheus 2, old":               {[]string{"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}, false},
		"Prometheus 3":                    {[]string{"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"}, false},
		"Prometheus 3, native histograms": {[]string{protobuf + ";q=0.7,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"}, false},
		"Grafana Alloy":                   {[]string{protobuf + ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"}, false},
		"vmagent":                         {[]string{"text/plain;version=0.0.4;q=1,*/*;q=0.1"}, false},
		"Telegraf":                        {[]string{protobuf + ";q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"}, false},
		"Datadog":                         {[]string{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}, false},
		"Datadog, legacy check":           {[]string{"text/plain"}, false},
		"Java":                            {[]string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, false},
		"Chromium":                        {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"}, true},
		"Firefox":                         {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, true},
		"Firefox 128":                     {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8"}, true},
		"Safari":                          {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, true},

		"two headers":       {[]string{"text/html", "application/xhtml+xml"}, true},
		"capitals":          {[]string{"Text/HTML, Application/XHTML+XML"}, true},
		"refused by weight": {[]string{"text/html,application/xhtml+xml;q=0"}, false},
		"no weight":         {[]string{"text/html,application/xhtml+xml;q=x"}, false},
		"only like them":    {[]string{"text/htmlx,application/xhtml+xml"}, false},
		"broken":            {[]string{";;,,text/html;q,application/xhtml+xml;=;"}, false},
	} {
		if got := status.IsBrowser(http.Header{"Accept": test.accept}); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
}
