package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

// TestContributing: the commands of the table for contributors are targets of the
// Makefile, which itself lists them.
func TestContributing(t *testing.T) {
	makefile := read(t, "Makefile")
	targets := regexp.MustCompile("`make ([a-z/.-]+)`").FindAllStringSubmatch(read(t, "CONTRIBUTING.md"), -1)
	if len(targets) < 10 {
		t.Fatalf("only %d targets are found", len(targets))
	}
	for _, target := range targets {
		if !regexp.MustCompile("(?m)^(\\S+ )*" + regexp.QuoteMeta(target[1]) + "( \\S+)*:.*## ").MatchString(makefile) {
			t.Errorf("CONTRIBUTING.md has make %s, which the Makefile does not list", target[1])
		}
	}
}

// TestRelease: a release builds the service and pushes the image that the chart runs,
// and both versions of the chart are one.
func TestRelease(t *testing.T) {
	var release struct {
		Builds []struct{ Main string }
	}
	var values struct{ Image struct{ Repository string } }
	var chart struct {
		Version    string
		AppVersion string `yaml:"appVersion"`
	}
	for path, into := range map[string]any{
		".goreleaser.yaml": &release, "helm/otelcoder/values.yaml": &values, "helm/otelcoder/Chart.yaml": &chart,
	} {
		if err := yaml.Unmarshal([]byte(read(t, path)), into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if len(release.Builds) != 1 || release.Builds[0].Main != "./cmd/otelcoder" {
		t.Errorf("it builds %v", release.Builds)
	}
	if !strings.Contains(read(t, ".ci/image"), "image="+values.Image.Repository+":$1\n") {
		t.Errorf(".ci/image does not build %s", values.Image.Repository)
	}
	if chart.Version == "" || chart.Version != chart.AppVersion {
		t.Errorf("the chart has the version %q, of the program %q", chart.Version, chart.AppVersion)
	}
}

// TestNotes: the notes of a release are its section of the changelog, and a version
// without one is refused.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".ci"), 0o755); err != nil {
		t.Fatal(err)
	}
	const changelog = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-03-01\n\n### Fixed\n\n- A fault.\n\n## [1.2.30]\n\n- Another.\n"
	for path, text := range map[string]string{".ci/notes": read(t, ".ci/notes"), "CHANGELOG.md": changelog} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for version, want := range map[string]string{"1.2.3": "\n### Fixed\n\n- A fault.\n", "1.2": "", "Unreleased": ""} {
		notes, err := exec.Command(filepath.Join(dir, ".ci/notes"), version).Output()
		if string(notes) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q (%v), want %q", version, notes, err, want)
		}
	}
}
