package pages_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"helm.sh/helm/v3/pkg/strvals"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/otelcoder/otelcoder/e2e/helm"
	"github.com/otelcoder/otelcoder/e2e/pages"
	"github.com/otelcoder/otelcoder/e2e/process"
	"github.com/otelcoder/otelcoder/e2e/service"
	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// notTyped are the commands that the test does not run, by prefix, with the reason and
// the test that covers them.
var notTyped = map[string]string{
	"make test":               "it takes minutes, and .ci/run runs it",
	"go get github.com/":      "the module's own code is not published to the tests; e2e/go.mod imports it",
	"go run ./examples/embed": "its addresses are fixed, and may be taken; the tests of examples/embed run it",
	"docker build":            "no engine runs here; e2e/image builds and runs what the Dockerfile says",
	"kubectl ":                "there is no cluster; TestKubectl compares the names with the chart's",
	"helm test ":              "there is no cluster; TestHelmTest of e2e/helm checks the pod that it starts",
	"promtool ":               "it takes minutes to build; e2e/rules does the same with its packages, make check-rules runs it",
	"otelcoder server --prometheus-enable --postgres-url-file": "the page has exported a URL before, and the file is the reader's; TestHangup of cmd/otelcoder starts it",
	"kill -HUP ":       "it would stop any otelcoder of this machine; TestHangup of cmd/otelcoder sends the signal",
	"otelcol-contrib ": "it is not made of Go modules; e2e runs a collector with that configuration",
}

// servers are the commands that run until they are stopped.
var servers = []string{"make run", "bin/otelcoder server", "otelcoder server", "OTEL_TRACES_EXPORTER=none otelcoder server", "OTEL_SERVICE_NAME=coder-2026 otelcoder server", "go run ./examples/coderd"}

func begins(text string, with []string) bool {
	return slices.ContainsFunc(with, func(w string) bool { return strings.HasPrefix(text, w) })
}

// TestCommands runs every command of every page, in the order of the page, and compares
// its output with the page, except for numbers. It replaces addresses, because the ports
// on the pages may be taken, and the hosts "db", "collector" and "prometheus" do not exist
// here.
func TestCommands(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("make", "-C", root, "build").CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, output)
	}
	left := maps.Clone(notTyped)
	for _, page := range pages.Read(t, root) {
		t.Run(page.Path, func(t *testing.T) {
			r := newReader(t, root, page)
			for _, c := range page.Commands {
				skipped := ""
				for prefix := range notTyped {
					if strings.HasPrefix(c.Text, prefix) {
						skipped = prefix
						delete(left, prefix)
					}
				}
				switch {
				case skipped != "":
				case strings.HasPrefix(c.Text, "helm "):
					render(t, root, c.Text)
				case begins(c.Text, servers):
					r.serve(c)
				default:
					r.typed(c)
				}
			}
		})
	}
	for prefix := range left {
		t.Errorf("no page has %q: remove it from notTyped", prefix)
	}
}

// reader runs the commands of a page, as a reader of the page would.
type reader struct {
	t           *testing.T
	root        string
	environment map[string]string
	hosts       *strings.Replacer // replaces addresses of the pages by addresses of the test
	pushed      chan struct{}     // receives when metrics are pushed
	stop        func()            // stops the running server
	made        string            // URL that "otelcoder setup" printed
	metrics     string            // URL of the server's endpoint, ends in a slash
	health      string            // URL of the server's health endpoint
}

func newReader(t *testing.T, root string, page pages.Page) *reader {
	r := &reader{t: t, root: root, environment: make(map[string]string), pushed: make(chan struct{}, 1), stop: func() {}}
	t.Cleanup(func() { r.stop() })
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "CODER_") && !strings.HasPrefix(name, "OTEL") && !strings.HasPrefix(name, "PG") {
			r.environment[name] = value
		}
	}
	maps.Copy(r.environment, map[string]string{
		"PATH":                        filepath.Join(root, "bin") + ":" + os.Getenv("PATH"),
		"CODER_PROMETHEUS_ADDRESS":    "127.0.0.1:0",
		"CODER_HTTP_ADDRESS":          "127.0.0.1:0",
		"OTELCODER_HEALTH_ADDRESS":    "127.0.0.1:0",
		"OTELCODER_INTERVAL":          "1s",
		"OTEL_METRIC_EXPORT_INTERVAL": "500",
	})

	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r2 *http.Request) {
		if strings.HasSuffix(r2.URL.Path, "/v1/metrics") {
			select {
			case r.pushed <- struct{}{}:
			default:
			}
		}
	}))
	t.Cleanup(receiver.Close)
	collector := strings.TrimPrefix(receiver.URL, "http://")
	replaced := []string{
		"collector:4318", collector, "localhost:4318", collector, "127.0.0.1:4318", collector, "prometheus:9090", collector,
	}
	if slices.ContainsFunc(page.Commands, func(c pages.Command) bool { return strings.Contains(c.Text, "otelcoder") }) {
		replaced = append(replaced, r.deployment(page)...)
	}
	r.hosts = strings.NewReplacer(replaced...)
	return r
}

// deployment creates the database of a running deployment, and returns pairs of the
// page's addresses and their replacements. It creates the role and its grants, unless a
// command of the page does.
func (r *reader) deployment(page pages.Page) []string {
	t := r.t
	db := pgtest.Start(t).Database(t)
	service.Deployment(t, db)
	typed := func(part string) bool {
		return slices.ContainsFunc(page.Commands, func(c pages.Command) bool { return strings.Contains(c.Text, part) })
	}
	if !typed("CREATE ROLE") && !typed("otelcoder setup") {
		db.Exec(t, "CREATE ROLE otelcoder LOGIN PASSWORD '...'")
	}
	if !typed("otelcoder grants") && !typed("otelcoder setup") {
		grants, err := exec.Command(filepath.Join(r.root, "bin/otelcoder"), "grants", "--role", "otelcoder").Output()
		if err != nil {
			t.Fatal(err)
		}
		db.Exec(t, string(grants))
	}
	owner, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.environment["OWNER_URL"] = db.URL
	r.environment["OTELCODER_OWNER_URL"] = db.URL // without a terminal, setup cannot ask for it
	here := owner.Host + owner.Path
	if owner.RawQuery != "" {
		here += "?" + owner.RawQuery
	}
	if !typed("export CODER_PG_CONNECTION_URL") {
		r.environment["CODER_PG_CONNECTION_URL"] = "postgres://otelcoder:...@" + here
	}
	return []string{"db:5432/coder?sslmode=verify-full", here, "db:5432/coder", here}
}

// command returns a command of the page, with the addresses of the test.
func (r *reader) command(ctx context.Context, text string) *exec.Cmd {
	text = r.hosts.Replace(text)
	if r.metrics != "" {
		text = strings.NewReplacer("http://localhost:2112/", r.metrics, "http://localhost:2113/healthz", r.health).Replace(text)
	}
	c := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", text)
	c.Dir = r.root
	for name, value := range r.environment {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}

var export = regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`)

// patience limits the time until the output of a command is as on the page, and until a
// server is ready. It is long enough for a loaded machine.
const patience = time.Minute

// typed runs a command that ends. It repeats the command until the output is as on the
// page, because a server does not serve everything right after its start.
func (r *reader) typed(c pages.Command) {
	r.t.Helper()
	if match := export.FindStringSubmatch(c.Text); match != nil {
		r.environment[match[1]] = r.hosts.Replace(match[2])
		if match[1] == "CODER_PG_CONNECTION_URL" && r.made != "" {
			r.environment[match[1]] = r.made
		}
		return
	}
	var errs string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		command := r.command(r.t.Context(), c.Text)
		var stderr bytes.Buffer // has the progress of curl
		command.Stderr = &stderr
		output, err := command.Output()
		if err != nil {
			errs = fmt.Sprintf("%v\n%s%s", err, output, &stderr)
			if !strings.HasPrefix(c.Text, "curl ") {
				break
			}
			continue
		}
		if match := export.FindStringSubmatch(string(output)); match != nil {
			r.made = match[2]
		}
		if missing := lacks(string(output), c.Output); missing != "" {
			errs = fmt.Sprintf("missing line\n%s\nin the output\n%.3000s", missing, output)
			continue
		}
		return
	}
	r.t.Fatalf("$ %s\n%s", c.Text, errs)
}

var (
	number = regexp.MustCompile(`[0-9]+(\.[0-9]+)?(µs|ms|s)?\b`)
	spaces = regexp.MustCompile(` +`)
)

// lacks returns the first of the lines that is missing in the output, or out of order.
// Numbers are ignored.
func lacks(output string, lines []string) string {
	plain := func(line string) string {
		return spaces.ReplaceAllString(number.ReplaceAllString(strings.TrimSpace(line), "N"), " ")
	}
	var printed []string
	for line := range strings.Lines(output) {
		printed = append(printed, plain(line))
	}
	for _, line := range lines {
		i := slices.Index(printed, plain(line))
		if i < 0 {
			return line
		}
		printed = printed[i+1:]
	}
	return ""
}

var ready = regexp.MustCompile(`msg=ready .*`)

// serve runs the command of a server. It stops the running server first, and waits until
// the new one is ready and, if it pushes, until it has pushed.
func (r *reader) serve(c pages.Command) {
	t := r.t
	t.Helper()
	r.stop()
	select {
	case <-r.pushed: // by the previous server
	default:
	}
	said := new(logged.Log)
	ctx, cancel := context.WithCancel(t.Context())
	command := r.command(ctx, c.Text)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to signal its children, too
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		cancel()
		t.Fatalf("$ %s\n%v", c.Text, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		command.Wait() // make and go run return their own exit codes after an interrupt
	}()
	r.stop = sync.OnceFunc(func() {
		defer cancel()
		syscall.Kill(-command.Process.Pid, syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Errorf("$ %s\ndid not end within 10s of SIGINT", c.Text)
			cancel()
			<-ended
		}
	})
	timeout := time.After(patience)
	for {
		if line := ready.FindString(said.String()); line != "" {
			r.metrics, r.health = "", ""
			if match := regexp.MustCompile(`metrics=(http\S+)`).FindStringSubmatch(line); match != nil {
				r.metrics = match[1]
			}
			if match := regexp.MustCompile(`health=(http\S+)`).FindStringSubmatch(line); match != nil {
				r.health = match[1]
			}
			break
		}
		select {
		case <-ended:
			t.Fatalf("$ %s\nended:\n%s", c.Text, said)
		case <-timeout:
			t.Fatalf("$ %s\nis not ready within %v:\n%s", c.Text, patience, said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if strings.Contains(c.Text, "--otlp-endpoint") {
		select {
		case <-r.pushed:
		case <-timeout:
			t.Fatalf("$ %s\ndid not push within %v:\n%s", c.Text, patience, said)
		}
	}
}

// render renders the chart with the values of a helm command, as helm does before it
// connects to a cluster.
func render(t *testing.T, root, text string) {
	t.Helper()
	words := strings.Fields(text)
	if len(words) < 6 || !slices.Contains([]string{"install", "upgrade"}, words[1]) ||
		!slices.Equal(words[2:6], []string{helm.Release, "helm/otelcoder", "--namespace", helm.Namespace}) {
		t.Fatalf("$ %s\nwant install or upgrade %s helm/otelcoder --namespace %s", text, helm.Release, helm.Namespace)
	}
	values := make(map[string]any)
	for i := 6; i < len(words); i += 2 {
		if i+1 == len(words) {
			t.Fatalf("$ %s\n%s needs an argument", text, words[i])
		}
		var err error
		switch words[i] {
		case "--set":
			err = strvals.ParseInto(words[i+1], values)
		case "--values":
			var file []byte
			if file, err = os.ReadFile(filepath.Join(root, words[i+1])); err == nil {
				err = yaml.Unmarshal(file, &values)
			}
		default:
			err = fmt.Errorf("the test does not support %s", words[i])
		}
		if err != nil {
			t.Fatalf("$ %s\n%v", text, err)
		}
	}
	written, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	helm.Load(t).Render(t, string(written))
}

// TestKubectl checks that the kubectl and docker commands of the pages use the names and
// keys of the chart.
func TestKubectl(t *testing.T) {
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	chart := helm.Load(t)
	deployment := helm.Only[*appsv1.Deployment](t, chart.Render(t, ""))
	volume := func(values, name string) corev1.Volume {
		text, err := os.ReadFile(filepath.Join(root, "helm/otelcoder/ci", values+"-values.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		volumes := helm.Only[*appsv1.Deployment](t, chart.Render(t, string(text))).Spec.Template.Spec.Volumes
		i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == name })
		if i < 0 {
			t.Fatalf("%s: there is no volume %s", values, name)
		}
		return volumes[i]
	}
	rds, cloudSQL, client := volume("rds", "database-ca").ConfigMap, volume("cloudsql", "database-ca").Secret, volume("cloudsql", "database-client").Secret
	if client.Items[0].Key != corev1.TLSCertKey || client.Items[1].Key != corev1.TLSPrivateKeyKey {
		t.Errorf("client certificate: got keys %v, want those of a TLS Secret", client.Items)
	}
	secret := deployment.Spec.Template.Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef
	want := []string{
		fmt.Sprintf(`kubectl -n %s create secret generic %s --from-literal=%s="$CODER_PG_CONNECTION_URL"`, helm.Namespace, secret.Name, secret.Key),
		fmt.Sprintf(`kubectl -n %s port-forward deploy/%s 2112:2112`, helm.Namespace, deployment.Name),
		fmt.Sprintf(`kubectl -n %s create configmap %s --from-file=%s`, helm.Namespace, rds.Name, rds.Items[0].Key),
		fmt.Sprintf(`kubectl -n %s create secret generic %s --from-file=%s`, helm.Namespace, cloudSQL.SecretName, cloudSQL.Items[0].Key),
		fmt.Sprintf(`kubectl -n %s create secret tls %s --cert=client-cert.pem --key=client-key.pem`, helm.Namespace, client.SecretName),
		fmt.Sprintf(`docker build -t %s .`, deployment.Spec.Template.Spec.Containers[0].Image),
	}
	for _, page := range pages.Read(t, root) {
		for _, c := range page.Commands {
			if begins(c.Text, []string{"kubectl ", "docker "}) && !slices.Contains(want, c.Text) {
				t.Errorf("%s: got $ %s\nwant one of\n%s", page.Path, c.Text, strings.Join(want, "\n"))
			}
		}
	}
}
