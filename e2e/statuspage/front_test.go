//go:build browser

package statuspage

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/otelcoder/otelcoder/e2e/coderd"
)

// TestBrowserFrontPage breaks an agent and the database on the front page of the example,
// and checks the links that lead to the effects.
func TestBrowserFrontPage(t *testing.T) {
	c := coderd.NewProgram(t.TempDir()).Start(t, "--load", "0")
	b := newTab(t, 1400, 900)
	b.do(chromedp.Navigate(c.API))
	b.screenshot("front", false)
	headline := func(want string) {
		t.Helper()
		b.until(`document.getElementById("headline").textContent.includes("` + want + `")`)
	}
	headline("Nothing is broken.")
	if got := eval[string](b, `document.querySelector(".button").href`); got != c.Metrics+"status" {
		t.Errorf("got a button to %s, want %s", got, c.Metrics+"status")
	}

	b.click(`document.getElementById("terminal-dev.ada")`)
	b.until(`document.getElementById("terminal-state").textContent.includes("one open websocket")`)
	b.write(`document.getElementById("terminal-input")`, "hello\r")
	b.until(`document.getElementById("terminal-output").textContent === "hello\n"`)
	b.scrape(c.Metrics, "coderd_api_concurrent_websockets 51")

	b.click(`document.getElementById("agent-dev.ada")`)
	headline("1 agent is broken.")
	b.until(`document.getElementById("actions").textContent.includes("Break agent main.dev.ada")`)
	if !eval[bool](b, `document.activeElement.id === "agent-dev.ada" && document.activeElement.textContent === "Repair agent"`) {
		t.Error("the button of the agent lost the focus, or does not read \"Repair agent\"")
	}
	if got, want := eval[string](b, `document.querySelector("#actions a").href`), c.Metrics+"status?family=coderd_agents_connections"; got != want {
		t.Errorf("got a link to %s, want %s", got, want)
	}
	b.until(`document.getElementById("workspaces").textContent.includes("agent disconnected")`)
	b.screenshot("front-agent", true)
	b.scrape(c.Metrics, `status="disconnected",tailnet_node="`)
	b.click(`document.getElementById("agent-dev.ada")`)
	headline("Nothing is broken.")

	b.click(`document.getElementById("database-button")`)
	headline("The database is stopped.")
	b.scrape(c.Metrics, `otelcoder_source_up{source="agents"} 0`)
	b.until(`document.getElementById("terminal-state").textContent.includes("one open websocket")`)
	b.dark()
	b.screenshot("front-database", false)
	for _, text := range eval[[]string](b, contrast) {
		t.Errorf("contrast below 4.5: %s", text)
	}
	b.wantNoComplaints()

	phone := newTab(t, 400, 900)
	phone.do(chromedp.Navigate(c.API))
	phone.screenshot("front-phone", true)
	if width := eval[int](phone, `document.documentElement.scrollWidth`); width > 400 {
		t.Errorf("got a page of %d pixels width, want at most 400", width)
	}
	for _, text := range eval[[]string](phone, contrast) {
		t.Errorf("contrast below 4.5: %s", text)
	}
	phone.wantNoComplaints()

	plain := newTab(t, 1400, 900)
	plain.withoutScript()
	plain.do(chromedp.Navigate(c.API), chromedp.Click(`#agent-dev\.ada`), chromedp.WaitVisible("#actions li:nth-child(4)"))
	plain.screenshot("front-without-script", true)
	text := run(plain, chromedp.Text("body"))
	if !strings.Contains(text, "needs JavaScript") || strings.Contains(text, "Send") {
		t.Errorf("without JavaScript: got %q, want \"needs JavaScript\" and no \"Send\"", text)
	}
}

// scrape scrapes until the metrics contain a text.
func (b *tab) scrape(url, want string) {
	b.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(url + "metrics")
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		if strings.Contains(string(body), want) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("not within %s: %s", limit, want)
		}
	}
}
