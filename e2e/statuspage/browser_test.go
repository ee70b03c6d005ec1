//go:build browser

package statuspage

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/otelcoder/otelcoder/internal/status"
	"github.com/otelcoder/otelcoder/internal/status/statustest"
)

// screenshots is the folder of the screenshots.
const screenshots = "../../bin/screenshots"

// tab is a tab in its own Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // errors of scripts, violations of the content security policy
}

func newTab(t *testing.T, width, height int64) *tab {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(t.TempDir()), chromedp.NoFirstRun,
		chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true),
	}
	ctx, cancelAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		chromedp.Cancel(ctx) // waits until Chromium has ended
		cancelTab()
		cancelAllocator()
	})
	b := &tab{t: t, ctx: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, event.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			b.complaints = append(b.complaints, event.Entry.Text+" "+event.Entry.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(width, height))
	return b
}

// limit is the time limit of a step.
const limit = 30 * time.Second

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, chromedp.Steps(steps...))
}

// run returns the result of an action.
func run[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// eval returns the value of a JavaScript expression.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// until waits until a JavaScript expression is true, on this page or the next.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && is {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("not true within %s: %s: %v", limit, expression, err)
		}
	}
}

// click clicks on an element, given by a JavaScript expression.
func (b *tab) click(element string) {
	b.t.Helper()
	at := eval[[]float64](b, `{ const e = `+element+`; e.scrollIntoView({ block: "center" }); const r = e.getBoundingClientRect(); [r.x + r.width / 2, r.y + r.height / 2] }`)
	b.do(chromedp.MouseClickXY(at[0], at[1]))
}

// write types into a field, given by a JavaScript expression.
func (b *tab) write(field, text string) {
	b.t.Helper()
	eval[bool](b, field+`.focus(); true`)
	b.do(chromedp.KeyEvent(text))
}

// screenshot writes a picture of the page to a file: of the whole page, or of the visible
// part.
func (b *tab) screenshot(name string, whole bool) {
	b.t.Helper()
	take := chromedp.CaptureScreenshot()
	if whole {
		take = chromedp.FullScreenshot(100)
	}
	picture := run(b, take)
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(screenshots, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// dark sets the theme of the system to dark.
func (b *tab) dark() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// withoutScript turns JavaScript off.
func (b *tab) withoutScript() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
}

// page serves the status page of a deployment.
type page struct {
	mu         sync.Mutex
	deployment *statustest.Deployment
	URL        string
	server     *httptest.Server
}

func serve(t *testing.T, d *statustest.Deployment) *page {
	t.Helper()
	p := &page{deployment: d}
	handler := status.NewPage(d, statustest.History())
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch r.URL.Path {
		case "/metrics":
			w.Write([]byte(d.Told.Preview))
		default:
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.server.Close)
	p.URL = p.server.URL + "/"
	return p
}

// change changes the deployment.
func (p *page) change(how func(*statustest.Deployment)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how(p.deployment)
}

func (b *tab) wantNoComplaints() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		b.t.Errorf("Chromium reports: %s", complaint)
	}
}

func TestBrowserStates(t *testing.T) {
	for _, test := range []struct {
		name       string
		deployment *statustest.Deployment
		width      int64
		dark       bool
		query      string
		state      string
	}{
		{name: "healthy", deployment: statustest.Healthy(), width: 1400, state: "ok"},
		{name: "healthy-dark", deployment: statustest.Healthy(), width: 1400, dark: true, state: "ok"},
		{name: "healthy-phone", deployment: statustest.Healthy(), width: 400, state: "ok"},
		{name: "degraded", deployment: statustest.Degraded(), width: 1400, state: "degraded"},
		{name: "degraded-phone-dark", deployment: statustest.Degraded(), width: 400, dark: true, state: "degraded"},
		{name: "outage", deployment: statustest.Outage(), width: 1400, state: "unreachable"},
		{name: "standby", deployment: statustest.StandBy(), width: 1400, state: "standing_by"},
		{name: "hostile", deployment: statustest.Hostile(), width: 1400, state: "degraded"},
		{name: "hostile-phone", deployment: statustest.Hostile(), width: 400, state: "degraded"},
		{name: "family", deployment: statustest.Healthy(), width: 1400, query: "?family=coderd_agents_connections&label.status=disconnected", state: "ok"},
		{name: "family-histogram", deployment: statustest.Healthy(), width: 1400, query: "?family=coderd_api_request_latencies_seconds", state: "ok"},
		{name: "family-hostile", deployment: statustest.Hostile(), width: 1400, query: "?family=coderd_agents_up", state: "degraded"},
		{name: "family-phone", deployment: statustest.Healthy(), width: 400, query: "?family=coderd_agents_connections", state: "ok"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newTab(t, test.width, 900)
			if test.dark {
				b.dark()
			}
			b.do(chromedp.Navigate(serve(t, test.deployment).URL + test.query))
			b.screenshot(test.name, false)
			b.screenshot(test.name+"-whole", !strings.HasPrefix(test.name, "family"))
			if state := eval[string](b, `document.getElementById("headline").dataset.state`); state != test.state {
				t.Errorf("got state %q, want %q", state, test.state)
			}
			if wide := eval[int64](b, `document.scrollingElement.scrollWidth`); wide > test.width {
				t.Errorf("got a page of %d pixels width, want at most %d", wide, test.width)
			}
			if bottom := eval[float64](b, `document.getElementById("headline").getBoundingClientRect().bottom`); bottom > 900 {
				t.Errorf("the headline ends at %.0f pixels, want at most 900, to be seen without scrolling", bottom)
			}
			b.wantNoComplaints()
		})
	}
}

// TestBrowserPath follows a new user from the status page to the disconnected agents.
func TestBrowserPath(t *testing.T) {
	b := newTab(t, 1400, 900)
	b.do(chromedp.Navigate(serve(t, statustest.Healthy()).URL))
	if paint := eval[float64](b, `new Promise(done => new PerformanceObserver(list => list.getEntriesByName("first-contentful-paint").forEach(e => done(e.startTime))).observe({ type: "paint", buffered: true }))`); paint > 0 {
		t.Logf("first contentful paint after %.0f ms", paint)
	}
	b.click(`[...document.querySelectorAll("a")].find(a => a.textContent.includes("disconnected"))`)
	b.until(`document.getElementById("opened-title") !== null && document.readyState === "complete"`)
	want := []string{"workspace-5", "workspace-828", "workspace-1651", "workspace-2474", "workspace-3297", "workspace-4120", "workspace-4943", "workspace-5766", "workspace-6589", "workspace-7412", "workspace-8235", "workspace-9058"}
	const shown = `[...document.querySelectorAll(".series tbody tr")].map(row => row.cells[5].textContent)`
	if got := eval[[]string](b, shown); !slices.Equal(got, want) {
		t.Errorf("got disconnected agents of %q, want %q", got, want)
	}

	b.write(`document.getElementsByName("has.username")[0]`, "LINUS\r")
	b.until(`location.search.includes("has.username=LINUS") && document.readyState === "complete"`)
	if got, want := eval[[]string](b, shown), []string{"workspace-3297", "workspace-8235"}; !slices.Equal(got, want) {
		t.Errorf("got disconnected agents of linus in %q, want %q", got, want)
	}
	if got, want := eval[string](b, `document.querySelector(".copy").dataset.copy`), `coderd_agents_connections{status="disconnected",username=~"(?i).*LINUS.*"}`; got != want {
		t.Errorf("got the query %s to copy, want %s", got, want)
	}
	b.click(`document.querySelector(".copy")`)
	b.until(`document.querySelector(".copy").textContent === "Copied"`)

	b.click(`document.querySelector(".back a")`)
	b.until(`document.getElementById("families") !== null && document.readyState === "complete"`)
	b.click(`document.querySelector("nav a")`)
	b.until(`document.body.textContent.includes("# TYPE coderd_agents_apps gauge")`)
	b.wantNoComplaints()
}

func TestBrowserSearch(t *testing.T) {
	b := newTab(t, 1400, 900)
	b.do(chromedp.Navigate(serve(t, statustest.Healthy()).URL))
	const shown = `[...document.querySelectorAll("#families tbody tr")].filter(row => row.offsetHeight > 0).map(row => row.cells[0].textContent)`
	if n := len(eval[[]string](b, shown)); n != 84 {
		t.Errorf("got %d families, want 84", n)
	}
	eval[bool](b, `document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true })); true`)
	if got := eval[string](b, `document.activeElement.id`); got != "search" {
		t.Errorf("after the key /: got the focus on %q, want search", got)
	}
	b.do(chromedp.KeyEvent("License seats"))
	if got, want := eval[[]string](b, shown), []string{"coderd_license_limit_users"}; !slices.Equal(got, want) {
		t.Errorf("got found families %q, want %q", got, want)
	}
	if got := eval[string](b, `document.getElementById("found").textContent`); got != "1 of 84" {
		t.Errorf("got the text %q, want \"1 of 84\"", got)
	}
	eval[bool](b, `{ const search = document.getElementById("search"), which = document.getElementById("which"); search.value = ""; which.value = "series"; which.dispatchEvent(new Event("input", { bubbles: true })) } true`)
	if got := eval[[]string](b, shown); len(got) < 20 || slices.Contains(got, "agent_scripts_executed_total") || !slices.Contains(got, "coderd_agents_up") {
		t.Errorf("got families with series %q, want at least 20 with coderd_agents_up and without agent_scripts_executed_total", got)
	}
	b.wantNoComplaints()
}

// TestBrowserRefresh checks that the page shows changes, and that nothing moves when it
// refreshes.
func TestBrowserRefresh(t *testing.T) {
	b := newTab(t, 1400, 900)
	p := serve(t, statustest.Healthy())
	b.do(chromedp.Navigate(p.URL))
	b.write(`document.getElementById("search")`, "agents_up")
	const place = `JSON.stringify([...document.querySelectorAll("section, thead th, .tile")].map(e => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.width] }))`
	const row = `[...document.querySelectorAll("#families tbody tr")].filter(row => row.offsetHeight > 0).map(row => row.textContent).join()`
	eval[bool](b, `window.kept = document.querySelector("#sources tbody"); window.scrollTo(0, 120); true`)
	before := eval[string](b, place)

	p.change(func(d *statustest.Deployment) {
		d.Told.At = d.Told.At.Add(5 * time.Second)
		d.Told.Sample.ActiveUsers = 399
		d.Told.Sources[2].Series = 30064
		for i := range d.Told.Families {
			if d.Told.Families[i].Name == "coderd_agents_up" {
				d.Told.Families[i].Series = 10022
			}
		}
	})
	b.until(`document.querySelector("#sources").textContent.includes("30,064")`)
	if got := eval[string](b, row); !strings.Contains(got, "10,022") || strings.Contains(got, "go_") {
		t.Errorf("search for agents_up: got %q, want 10,022 series and no other family", got)
	}
	if after := eval[string](b, place); after != before {
		t.Errorf("the layout moved from\n%s\nto\n%s", before, after)
	}
	if !eval[bool](b, `window.kept.isConnected && document.activeElement.id === "search" && document.getElementById("search").value === "agents_up" && scrollY === 120`) {
		t.Error("the page lost the focus, the search or the scroll position")
	}

	p.change(func(d *statustest.Deployment) {
		d.Told.Role, d.Told.Sample = statustest.Outage().Told.Role, status.NoSample()
	})
	b.until(`document.getElementById("headline").dataset.state === "unreachable"`)
	if got := eval[string](b, `document.getElementById("announcement").textContent`); !strings.Contains(got, "Database unreachable") {
		t.Errorf("got the announcement %q, want \"Database unreachable\" in it", got)
	}
	if got := eval[string](b, `document.title`); !strings.HasPrefix(got, "▲") {
		t.Errorf("got the title %q, want one that begins with ▲", got)
	}
	b.wantNoComplaints()

	p.server.CloseClientConnections()
	p.server.Close()
	b.until(`document.getElementById("freshness").textContent.startsWith("no answer since")`)
	b.screenshot("no-answer", false)
}

func TestBrowserHostileNames(t *testing.T) {
	for _, query := range []string{"", "?family=coderd_agents_up", "?family=coderd_agents_up&has.username=%22%3E%3Cscript%3Edocument.title=1%3C/script%3E", "?family=%3Cscript%3Edocument.title%3D%22pwned%22%3C%2Fscript%3E"} {
		b := newTab(t, 1400, 900)
		b.do(chromedp.Navigate(serve(t, statustest.Hostile()).URL + query))
		eval[bool](b, `document.querySelectorAll("main *").forEach(e => e.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }))); true`)
		if title := eval[string](b, `document.title`); strings.Contains(title, "pwned") && !strings.Contains(title, "<script>") || title == "1" {
			t.Errorf("%s: an injected script ran: got the title %q", query, title)
		}
		if n := eval[int](b, `document.querySelectorAll("script, style").length`); n != 2 {
			t.Errorf("%s: got %d scripts and styles, want the page's own 2", query, n)
		}
		if n := eval[int](b, `document.querySelectorAll("img, iframe, object, embed, base, [onmouseover], [onerror], [style]").length`); n != 0 {
			t.Errorf("%s: got %d injected elements, want 0", query, n)
		}
		for _, link := range eval[[]string](b, `[...document.querySelectorAll("a")].map(a => a.href)`) {
			if !strings.HasPrefix(link, "http://127.0.0.1") && !strings.HasPrefix(link, "https://github.com/otelcoder/otelcoder/blob/main/docs/") {
				t.Errorf("%s: got a link to the foreign URL %q", query, link)
			}
		}
		b.wantNoComplaints()
	}
}

// TestBrowserWithoutScript checks that the page is complete without JavaScript, and hides
// the controls that need it.
func TestBrowserWithoutScript(t *testing.T) {
	b := newTab(t, 1400, 900)
	b.withoutScript()
	b.do(chromedp.Navigate(serve(t, statustest.Outage()).URL))
	b.screenshot("without-script", false)
	text := run(b, chromedp.Text("body"))
	for _, want := range []string{"Database unreachable for", "connection refused", "coderd_agents_up", "as of 09:30:20 UTC"} {
		if !strings.Contains(text, want) {
			t.Errorf("without JavaScript: %q is missing", want)
		}
	}
	for _, not := range []string{"every 5 s", "Copy", "◐"} {
		if strings.Contains(text, not) {
			t.Errorf("without JavaScript: got %q, which needs it", not)
		}
	}
}

func TestBrowserTheme(t *testing.T) {
	b := newTab(t, 1400, 900)
	b.dark()
	p := serve(t, statustest.Healthy())
	b.do(chromedp.Navigate(p.URL))
	const paper = `getComputedStyle(document.documentElement).backgroundColor`
	darkness, light := eval[string](b, paper), ""
	b.click(`document.getElementById("theme")`)
	if light = eval[string](b, paper); light == darkness {
		t.Errorf("the button did not change the background: got %s", light)
	}
	b.do(chromedp.Reload())
	if got := eval[string](b, paper); got != light {
		t.Errorf("after reloading: got the background %s, want %s", got, light)
	}
	b.click(`document.getElementById("theme")`)
	if got := eval[string](b, paper); got != darkness {
		t.Errorf("after the second click: got the background %s, want %s", got, darkness)
	}
	b.wantNoComplaints()
}

// TestBrowserContrast checks that text has enough contrast in light and dark (WCAG AA:
// 4.5 to 1).
func TestBrowserContrast(t *testing.T) {
	for _, isDark := range []bool{false, true} {
		for _, d := range []*statustest.Deployment{statustest.Healthy(), statustest.Degraded(), statustest.Outage(), statustest.StandBy()} {
			b := newTab(t, 1400, 900)
			if isDark {
				b.dark()
			}
			b.do(chromedp.Navigate(serve(t, d).URL))
			for _, text := range eval[[]string](b, contrast) {
				t.Errorf("dark %t: contrast below 4.5: %s", isDark, text)
			}
		}
	}
}

// contrast lists the texts whose contrast with their background is too low.
const contrast = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
	const paint = (colours) => { // one over the other
		canvas.clearRect(0, 0, 1, 1)
		for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1) }
		return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
	}
	const luminance = (rgb) => {
		const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		return 0.2126 * r + 0.7152 * g + 0.0722 * b
	}
	const found = []
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	while (walker.nextNode()) {
		const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim()
		if (!text || element.closest("svg, .unseen, [aria-hidden]") || element.offsetHeight === 0) continue
		const behind = []
		for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor)
		const a = luminance(paint(behind)), b = luminance(paint([...behind, getComputedStyle(element).color]))
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
		if (ratio < 4.5) found.push(text.slice(0, 40) + " " + ratio.toFixed(2))
	}
	return found
})()`
