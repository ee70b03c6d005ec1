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

// TestReleaseIsTested checks that the release workflow publishes only after the whole of
// CI has passed for the tag.
func TestReleaseIsTested(t *testing.T) {
	var release, ci struct {
		On   map[string]any `yaml:"on"`
		Jobs map[string]struct {
			Uses  string
			Needs string
			Steps []struct{ Run string }
		}
	}
	for path, into := range map[string]any{".github/workflows/release.yaml": &release, ".github/workflows/ci.yaml": &ci} {
		if err := yaml.Unmarshal([]byte(read(t, path)), into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	publish := release.Jobs["release"]
	if publish.Needs == "" || release.Jobs[publish.Needs].Uses != "./.github/workflows/ci.yaml" {
		t.Errorf("the job needs %q, of the jobs %+v", publish.Needs, release.Jobs)
	}
	if _, ok := ci.On["workflow_call"]; !ok {
		t.Errorf("ci.yaml cannot be called: it runs on %v", ci.On)
	}
	if steps := ci.Jobs["run"].Steps; len(steps) == 0 || steps[len(steps)-1].Run != ".ci/run" {
		t.Errorf("the steps of CI are %v", steps)
	}
}

// TestImageIsPushedLast runs make release with a goreleaser that fails, and with one that
// succeeds: only after the latter is the image pushed.
func TestImageIsPushedLast(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{
		"Makefile": read(t, "Makefile"), ".ci/notes": read(t, ".ci/notes"), "CHANGELOG.md": "## [1.2.3]\n\n- A fault.\n",
		".ci/image": "#!/bin/sh\necho \"$@\" >>images\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command := func(name string, args ...string) error {
		c := exec.Command(name, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		t.Logf("%s %q: %v\n%s", name, args, err, out)
		return err
	}
	git := []string{"-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, append(git, "commit", "-q", "-m", "a"), {"tag", "v1.2.3"}} {
		if err := command("git", args...); err != nil {
			t.Fatal(err)
		}
	}
	images := filepath.Join(dir, "images")
	if err := command("make", "release", "goreleaser=false"); err == nil {
		t.Error("a failing build is no failure")
	}
	if text, err := os.ReadFile(images); err == nil {
		t.Errorf("after a failing build: %s", text)
	}
	if err := command("make", "release", "goreleaser=true"); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(images); err != nil || string(text) != "1.2.3 push\n" {
		t.Errorf("images: %q (%v)", text, err)
	}
	var release struct{ Before struct{ Hooks []string } }
	if err := yaml.Unmarshal([]byte(read(t, ".goreleaser.yaml")), &release); err != nil {
		t.Fatal(err)
	}
	for _, hook := range release.Before.Hooks {
		if strings.Contains(hook, "push") {
			t.Errorf("before goreleaser builds, it runs %s", hook)
		}
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
