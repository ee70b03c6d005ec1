//go:build browser

package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"testing"
	"time"
)

// page requests the endpoint, through a proxy of its server, in every format, and shows
// the responses as Chromium decoded them. They are gzipped, because a browser requests
// that on its own.
const page = `<!doctype html><body><script>
for (const accept of %q.split(" ")) {
	const request = new XMLHttpRequest()
	request.open("GET", "/metrics", false)
	request.setRequestHeader("Accept", accept)
	request.overrideMimeType("text/plain; charset=x-user-defined") // bytes, not characters
	request.send()
	const bytes = Array.from(request.responseText, c => String.fromCharCode(c.charCodeAt(0) & 0xff)).join("")
	const p = document.createElement("p")
	p.textContent = request.getResponseHeader("Content-Type") + "|" + request.getResponseHeader("X-Sent-As") + "|" + btoa(bytes) + "|"
	document.body.append(p)
}
</script>`

// TestBrowser checks that Chromium can read the complete endpoint.
func TestBrowser(t *testing.T) {
	c := program.Start(t)
	complete(t, c.Metrics)
	endpoint, err := url.Parse(c.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, page, acceptText+" "+acceptOpenMetrics+" "+acceptProtobuf)
	})
	mux.Handle("/metrics", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(endpoint) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("X-Sent-As", r.Header.Get("Content-Encoding")) // hidden from scripts by Chromium
			return nil
		},
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	answers := regexp.MustCompile(`<p>([^|]*)\|([^|]*)\|([^|]*)\|</p>`).FindAllSubmatch(chromium(t, server.URL), -1)
	if len(answers) != 3 {
		t.Fatalf("got %d responses, want 3", len(answers))
	}
	for _, a := range answers {
		if coding := string(a[2]); coding != "gzip" {
			t.Errorf("%s: got content encoding %q, want gzip", a[1], coding)
		}
		body, err := base64.StdEncoding.DecodeString(string(a[3]))
		if err != nil {
			t.Fatal(err)
		}
		whole(t, "Chromium", string(a[1]), body)
	}
	for path, want := range map[string]string{
		"":        `(?s)Reporting this deployment.*<a [^>]*href="metrics"`, // the status page
		"metrics": `(?s)# TYPE coderd_agents_up gauge\n.*\nprocess_virtual_memory_max_bytes `,
	} {
		if shown := chromium(t, c.Metrics+path); !regexp.MustCompile(want).Match(shown) {
			t.Errorf("/%s: got %.1000s, want a match of %s", path, shown, want)
		}
	}
}

// chromium opens a page and returns its document.
func chromium(t *testing.T, url string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--dump-dom", url)
	c.WaitDelay = time.Minute
	document, err := c.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return document
}
