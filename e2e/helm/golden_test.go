package helm_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/lint/support"

	"github.com/otelcoder/otelcoder/e2e/helm"
	"github.com/otelcoder/otelcoder/e2e/process"
)

var update = flag.Bool("update", false, "write the golden files")

// values is a file of example values. The files are in the chart's folder ci, where tools
// for testing charts look for them; make check-chart renders them with helm itself.
type values struct{ name, text string }

// cases returns the files of values.
func cases(t *testing.T) []values {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	const suffix = "-values.yaml"
	paths, err := filepath.Glob(filepath.Join(root, "helm/otelcoder/ci/*"+suffix))
	if err != nil || len(paths) < 12 {
		t.Fatalf("got the files of values %q (%v), want at least 12", paths, err)
	}
	var all []values
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, values{strings.TrimSuffix(filepath.Base(path), suffix), string(text)})
	}
	return all
}

// TestLint checks that helm lint --strict passes.
func TestLint(t *testing.T) {
	chart := helm.Load(t)
	for _, c := range cases(t) {
		for _, message := range chart.Lint(t, c.text) {
			if message.Severity >= support.WarningSev {
				t.Errorf("%s: %v", c.name, message)
			}
		}
	}
}

// long matches the text of rules and dashboards. The golden files leave it out;
// [TestDashboards] and [TestRules] compare it with the shipped files.
var long = regexp.MustCompile(`(?m)(^  groups:|^  \S+\.json: \|)\n((?:    .*)?\n)+`)

// TestTemplate compares the output of helm template with the golden files.
func TestTemplate(t *testing.T) {
	chart := helm.Load(t)
	for _, c := range cases(t) {
		files, err := chart.Template(t, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var all strings.Builder
		for _, path := range slices.Sorted(maps.Keys(files)) {
			text := long.ReplaceAllString(strings.TrimSpace(files[path])+"\n", "$1 ...\n")
			all.WriteString("---\n# " + path + "\n" + strings.TrimPrefix(text, "---\n"))
		}
		golden := filepath.Join("testdata", c.name+".yaml")
		if *update {
			if err := os.WriteFile(golden, []byte(all.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if all.String() != string(want) {
			t.Errorf("%s differs from the rendered chart: review it after go -C e2e test ./helm -update", golden)
		}
	}
}

// TestRefused checks that invalid values are rejected with a helpful message.
func TestRefused(t *testing.T) {
	chart := helm.Load(t)
	env := func(pairs ...string) string {
		var b strings.Builder
		b.WriteString("env:\n")
		for i := 0; i < len(pairs); i += 2 {
			b.WriteString("  - {name: " + pairs[i] + ", value: \"" + pairs[i+1] + "\"}\n")
		}
		return b.String()
	}
	for values, want := range map[string]string{
		"replicas: two":                                               "at '/replicas': got string, want integer",
		"replica: 2":                                                  "additional properties 'replica' not allowed",
		"database: {url: postgres://}":                                "additional properties 'url' not allowed",
		"database: {secretName: No Name}":                             "at '/database/secretName': 'No Name' does not match",
		"env: {A: b}":                                                 "at '/env': got object, want array",
		"env: [{name: A, value: 1}]":                                  "at '/env/0/value': got number, want string",
		"env: []":                                                     "nothing to do: set CODER_PROMETHEUS_ADDRESS in env to 0.0.0.0:2112 to be scraped",
		env("OTELCODER_LOG_LEVEL", "debug"):                           "nothing to do: set CODER_PROMETHEUS_ADDRESS",
		env("CODER_PROMETHEUS_ENABLE", "false"):                       "nothing to do: set CODER_PROMETHEUS_ADDRESS",
		env("CODER_PROMETHEUS_ENABLE", "yes"):                         "at '/env/0/value': value must be one of 'true', 'false'",
		env("CODER_PROMETHEUS_ADDRESS", "2112"):                       "at '/env/0/value': '2112' does not match pattern",
		env("CODER_PROMETHEUS_ADDRESS", "127.0.0.1:2112"):             "nothing outside of the pod reaches: use 0.0.0.0:2112",
		env("CODER_PROMETHEUS_ADDRESS", "0.0.0.0:2113"):               "has port 2113: choose one from 1024 to 65535 other than 2113",
		env("CODER_PROMETHEUS_ADDRESS", ":80"):                        "has port 80: choose one",
		env("CODER_PROMETHEUS_ADDRESS", ":2112", "A", "b", "A", "c"):  "A is set twice, by env, extraEnv or the chart itself: keep one",
		"extraEnv: [{name: CODER_PROMETHEUS_ADDRESS, value: \":1\"}]": "CODER_PROMETHEUS_ADDRESS is set twice",
		"extraEnv: [{name: PGSSLMODE, value: require}]\ndatabase: {ca: {secretName: ca}}":                     "PGSSLMODE is set twice",
		"database: {ca: {secretName: a, configMapName: b}}":                                                   "database.ca has a Secret and a ConfigMap: keep one",
		"database: {ca: {secretName: a, sslMode: require}}":                                                   "at '/database/ca/sslMode': value must be one of",
		"database: {keys: {user: u}, urlFile: /run/secrets/url}":                                              "database.keys and database.urlFile are two ways to connect",
		"database: {keys: {user: u, password: p, database: d}}":                                               "database.keys has no host: name its key, or set PGHOST in extraEnv",
		"database: {keys: {name: u}}":                                                                         "additional properties 'name' not allowed",
		"database: {secretName: \"\"}":                                                                        "database.secretName is empty",
		"database: {urlFile: url}":                                                                            "at '/database/urlFile': 'url' does not match",
		"database: {urlFile: /url}":                                                                           "at '/database/urlFile': '/url' does not match",
		"serviceMonitor: {kind: PodMonitor}":                                                                  "at '/serviceMonitor/kind': value must be one of",
		"extraVolumes: [{emptyDir: {}}]":                                                                      "missing property 'name'",
		env("CODER_PG_CONNECTION_URL", "postgres://me:secret@db/coder"):                                       "at '/env/0/name': 'not' failed",
		env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318") + "serviceMonitor: {enabled: true}":               "serviceMonitor.enabled needs the endpoint",
		"serviceMonitor: {interval: 30}":                                                                      "at '/serviceMonitor/interval': got number, want string",
		"networkPolicy: {enabled: true, from: []}":                                                            "at '/networkPolicy/from': minItems: got 0, want 1",
		"podDisruptionBudget: {enabled: true, maxUnavailable: 0}":                                             "minimum: got 0, want 1",
		"database: {urlFile: /etc/url}":                                                                       "database.urlFile is /etc/url: the Secret would be mounted over /etc, which the container needs; use a folder of its own, such as /etc/otelcoder/database-url/url",
		"database: {urlFile: /etc/ssl/certs/url}":                                                             "the Secret would be mounted over /etc/ssl/certs",
		"database: {urlFile: /proc/1/url}":                                                                    "the Secret would be mounted over /proc/1",
		"database: {urlFile: /otelcoder/url}":                                                                 "the Secret would be mounted over /otelcoder",
		"database: {urlFile: /run/../etc/url}":                                                                "database.urlFile is /run/../etc/url: write it as /etc/url",
		"database: {urlFile: /etc/otelcoder/database-ca/url, ca: {secretName: ca}}":                           "two volumes are mounted on /etc/otelcoder/database-ca: choose another folder for database.urlFile, or another mountPath in extraVolumeMounts",
		"extraVolumes: [{name: a}]\nextraVolumeMounts: [{name: a, mountPath: /a}, {name: a, mountPath: /a/}]": "two volumes are mounted on /a:",
		"extraVolumes: [{name: database-ca, emptyDir: {}}]\ndatabase: {ca: {secretName: ca}}":                 "two volumes are named database-ca: choose another name in extraVolumes",
		"extraVolumes: [{name: database-url, emptyDir: {}}]\ndatabase: {urlFile: /run/secrets/url}":           "two volumes are named database-url",
		"extraVolumes: [{name: web, emptyDir: {}}]\nwebConfig: {secretName: web}":                             "two volumes are named web",
		"extraVolumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]":                                    "two volumes are named a:",
		"extraArgs: [\"--prometheus-address=0.0.0.0:9090\"]":                                                  "extraArgs has --prometheus-address, which would bypass the ports of the chart: set CODER_PROMETHEUS_ADDRESS in env",
		"extraArgs: [--log-level=debug, --prometheus-address, \"0.0.0.0:9090\"]":                              "extraArgs has --prometheus-address",
		"extraArgs: [-prometheus-enable=false]":                                                               "extraArgs has --prometheus-enable, which would bypass the ports of the chart: set CODER_PROMETHEUS_ENABLE in env",
		"extraArgs: [\"--health-address=:9999\"]":                                                             "extraArgs has --health-address, but the probes use port 2113: leave it out",
		"extraArgs: [\"--postgres-url=postgres://me:secret@db/coder\"]":                                       "extraArgs has --postgres-url, which would show the password in the pod: name a Secret in database.secretName",
		"extraArgs: [--postgres-url-file=/url]":                                                               "extraArgs has --postgres-url-file: set database.urlFile",
		"extraArgs: [\"--postgres-reporter-url=postgres://me:secret@db/coder\"]":                              "extraArgs has --postgres-reporter-url, which would show the password in the pod: set OTELCODER_POSTGRES_REPORTER_URL in extraEnv from a Secret",
		"metricNames: latest":                                                                                 "at '/metricNames': value must be one of 'documented', 'coder'",
		"metricNames: null":                                                                                   "missing property 'metricNames'",
		env("OTELCODER_METRIC_NAMES", "coder"):                                                                "at '/env/0/name': 'not' failed",
		"extraArgs: [--metric-names=coder]":                                                                   "extraArgs has --metric-names, which would not select the dashboards: set metricNames",
		"extraArgs: [--web-config-file=/web.yml]":                                                             "extraArgs has --web-config-file: name its Secret in webConfig.secretName",
		"serviceMonitor: {enabled: true, interval: 5s}":                                                       "serviceMonitor.scrapeTimeout is 10s, longer than serviceMonitor.interval, 5s: the Prometheus operator rejects this",
		"serviceMonitor: {enabled: true, kind: ScrapeConfig, interval: 1m30s, scrapeTimeout: 90s1ms}":         "serviceMonitor.scrapeTimeout is 90s1ms, longer than serviceMonitor.interval, 1m30s",
		"serviceMonitor: {interval: 1s1m}":                                                                    "at '/serviceMonitor/interval': '1s1m' does not match",
		"fullnameOverride: \"123\"":                                                                           "at '/fullnameOverride': '123' does not match",
		"dashboards: {labels: {grafana_dashboard: 1}}":                                                        "at '/dashboards/labels/grafana_dashboard': got number, want string",
	} {
		_, err := chart.Template(t, values)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot error %v\nwant %s", values, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s\nthe error shows the password: %v", values, err)
		}
	}
}

// TestAccepted checks that values at the limits of TestRefused render.
func TestAccepted(t *testing.T) {
	chart := helm.Load(t)
	for _, values := range []string{
		"serviceMonitor: {enabled: true, interval: 1m, scrapeTimeout: 60s}",
		"serviceMonitor: {enabled: true, interval: 1h, scrapeTimeout: 09s}",
		"database: {urlFile: /etc/otelcoder/url, ca: {secretName: ca}}",
		"database: {urlFile: /secrets/url}",
		"database: {secretName: \"\", urlFile: /etc/url}",
		"extraArgs: [--prometheus-collect-agent-stats=false, --interval, 30s]",
	} {
		chart.Render(t, values)
	}
}

// TestStrings checks that names that look like a YAML number or boolean stay strings.
func TestStrings(t *testing.T) {
	chart := helm.Load(t)
	for _, values := range []string{
		"fullnameOverride: \"true\"\nserviceMonitor: {enabled: true}\nprometheusRule: {enabled: true}\ndashboards: {enabled: true}\nnetworkPolicy: {enabled: true}\npodDisruptionBudget: {enabled: true}",
		"fullnameOverride: \"on\"\nserviceMonitor: {enabled: true, kind: ScrapeConfig}",
		"fullnameOverride: \"null\"",
		"serviceAccount: {name: \"1.5\"}",
		"serviceAccount: {create: false, name: \"true\"}",
		"priorityClassName: \"123\"",
		"webConfig: {secretName: \"1e3\", key: \"true\"}",
		"database: {secretName: \"1.5\", secretKey: \"123\"}",
		"database: {secretName: \"1.5\", secretKey: \"123\", urlFile: /run/secrets/true}",
		"database: {keys: {host: \"1\", port: \"0x1\", database: \"no\", user: \"true\", password: \"1_0\"}}",
		"database: {ca: {secretName: \"12\", key: \"on\"}, clientCertificate: {secretName: \"1.5\", certKey: \"yes\", keyKey: \"5\"}}",
		"database: {ca: {configMapName: \"12\", key: \"null\"}}",
	} {
		files, err := chart.Template(t, values)
		if err != nil {
			t.Errorf("%s: %v", values, err)
			continue
		}
		for path, text := range files {
			if strings.Contains(text, ": null\n") {
				t.Errorf("%s\n%s: got null in\n%s", values, path, text)
			}
			if err := helm.Check(text); err != nil {
				t.Errorf("%s\n%s: %v", values, path, err)
			}
		}
	}
}

// TestNotes checks the commands and names in the notes after an installation.
func TestNotes(t *testing.T) {
	chart := helm.Load(t)
	for values, want := range map[string]string{
		"":                             "kubectl -n coder port-forward deploy/otelcoder 2112:2112\n  curl http://localhost:2112/\n",
		"webConfig: {secretName: web}": "curl https://localhost:2112/\n",
		readFile(t, "helm/otelcoder/ci/address-values.yaml"): "2112:9100\n",
		readFile(t, "helm/otelcoder/ci/otlp-values.yaml"):    "It pushes over OTLP",
		"metricNames: coder":                                       "of the edition coder, which needs more grants. As the owner of the database, run:\n\n  otelcoder grants --metric-names coder | psql \"$OWNER_URL\"\n\nWithout the Secret",
		"database: {secretName: elsewhere}":                        "key url of Secret elsewhere.",
		readFile(t, "helm/otelcoder/ci/cloudnativepg-values.yaml"): "described in Secret otelcoder-db.",
		readFile(t, "helm/otelcoder/ci/vault-values.yaml"):         "whose URL is in the file /vault/secrets/url.",
	} {
		if notes := chart.Notes(t, values); !strings.Contains(notes, want) {
			t.Errorf("%s\nwant %q in the notes, got\n%s", values, want, notes)
		}
	}
}
