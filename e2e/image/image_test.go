package image_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/otelcoder/otelcoder/e2e/helm"
	"github.com/otelcoder/otelcoder/e2e/image"
	"github.com/otelcoder/otelcoder/e2e/process"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestDockerfile checks that BuildKit's linter has no warnings, that the image has only
// the binary and certificates, and that the chart fits the image.
func TestDockerfile(t *testing.T) {
	i := image.Read(t, root(t))
	for _, w := range i.Warnings {
		t.Error(w)
	}
	if i.Base != "scratch" || !slices.Equal(i.Files, []string{"/etc/ssl/certs/ca-certificates.crt", "/otelcoder"}) {
		t.Errorf("got the base %s with %q, want scratch with certificates and the binary", i.Base, i.Files)
	}
	if !slices.Equal(i.Entrypoint, []string{"/otelcoder"}) || !slices.Equal(i.Command, []string{"server"}) {
		t.Errorf("got entrypoint %q and command %q, want /otelcoder and server", i.Entrypoint, i.Command)
	}

	pod := helm.Only[*appsv1.Deployment](t, helm.Load(t).Render(t, "")).Spec.Template.Spec
	if user := fmt.Sprintf("%d:%d", *pod.SecurityContext.RunAsUser, *pod.SecurityContext.RunAsGroup); i.User != user {
		t.Errorf("got user %s, the chart has %s", i.User, user)
	}
	if args := pod.Containers[0].Args; !slices.Equal(args, i.Command) {
		t.Errorf("the chart has the arguments %q, want the image's command %q", args, i.Command)
	}
	for _, port := range pod.Containers[0].Ports {
		if !slices.Contains(i.Ports, fmt.Sprint(port.ContainerPort)) {
			t.Errorf("the chart's port %d is not exposed", port.ContainerPort)
		}
	}
}

// TestIgnored checks that .dockerignore excludes no tracked file. Otherwise the version of
// the binary would end in "+dirty".
func TestIgnored(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	repository := t.TempDir()
	checkout(t, repository)
	tracked := git(t, repository, "ls-files")
	for line := range strings.Lines(string(text)) {
		pattern := strings.TrimSpace(line)
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		for path := range strings.Lines(tracked) {
			path = strings.TrimSpace(path)
			first, _, _ := strings.Cut(path, "/")
			if matches(t, pattern, path) || matches(t, pattern, first) || matches(t, strings.TrimPrefix(pattern, "**/"), filepath.Base(path)) {
				t.Errorf("pattern %s excludes the tracked file %s", pattern, path)
			}
		}
	}
}

func matches(t *testing.T, pattern, path string) bool {
	t.Helper()
	ok, err := filepath.Match(pattern, path)
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	return ok
}

// checkout creates a git repository in a folder, with one commit of the project's current
// files. The commit's ID depends only on the files.
func checkout(t *testing.T, dir string) {
	t.Helper()
	from := root(t)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case relative == ".git" && entry.IsDir(), relative == "bin":
			return fs.SkipDir
		case relative == ".git": // a file in a work tree
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, relative), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, relative), text, info.Mode().Perm())
	})
	if err != nil {
		t.Fatalf("copy the project: %v", err)
	}
	git(t, dir, "init", "--quiet")
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--message", "as it is")
}

// git runs a git command without the user's configuration.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	const who, when = "test", "2026-01-01T00:00:00Z"
	c := exec.Command("git", append([]string{"-C", dir, "-c", "core.autocrlf=false"}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+who, "GIT_AUTHOR_DATE="+when,
		"GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+who, "GIT_COMMITTER_DATE="+when)
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args[0], err, output)
	}
	return string(output)
}

// build runs the command of the Dockerfile in a checkout, with another path for the
// binary.
func build(t *testing.T, command, dir string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "otelcoder")
	const there = " -o /otelcoder "
	if strings.Count(command, there) != 1 {
		t.Fatalf("got the command %s, want one -o /otelcoder", command)
	}
	c := exec.Command("sh", "-c", strings.Replace(command, there, " -o "+path+" ", 1))
	c.Dir = dir
	c.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH, "GOFLAGS=", "GOWORK=off", "GIT_CONFIG_GLOBAL="+os.DevNull)
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	return path
}

// TestBinary builds the image's binary twice, in different folders, checks that both are
// equal, and runs it in an empty root as the image's user.
func TestBinary(t *testing.T) {
	i := image.Read(t, root(t))
	var binaries [2]string
	var contents [2][]byte
	for n, name := range []string{"one", "another/folder"} {
		dir := filepath.Join(t.TempDir(), name)
		checkout(t, dir)
		binaries[n] = build(t, i.Build, dir)
		var err error
		if contents[n], err = os.ReadFile(binaries[n]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(contents[0], contents[1]) {
		t.Error("two builds of one commit differ")
	}
	if bytes.Contains(contents[0], []byte(root(t)+"/")) {
		t.Error("the binary contains the path of the project's folder")
	}
	checkStatic(t, binaries[0])

	version, err := exec.Command(binaries[0], "version").Output()
	if err != nil || !regexp.MustCompile(`^otelcoder v\d+\.\d+\.\d+\S* go1\.\d+`).Match(version) || bytes.Contains(version, []byte("dirty")) {
		t.Errorf("got version %q (%v), want a clean one", version, err)
	}
	checkServes(t, i, contents[0])
}

// checkStatic checks that a program needs no shared libraries and no loader.
func checkStatic(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: got a segment %v", p.Type)
		}
	}
}

// checkServes runs the binary as the image would: in a root with no other file, as the
// image's user. Without root privileges, it runs as the test's user, without chroot. Only
// the addresses differ.
func checkServes(t *testing.T, i image.Image, binary []byte) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, i.Entrypoint[0])
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command(path, i.Command...)
	c.Stderr = log
	c.Env = []string{
		"CODER_PG_CONNECTION_URL=postgres://otelcoder:x@127.0.0.1:1/coder", // unavailable
		"CODER_PROMETHEUS_ENABLE=true", "CODER_PROMETHEUS_ADDRESS=127.0.0.1:0", "OTELCODER_HEALTH_ADDRESS=127.0.0.1:0",
	}
	if os.Geteuid() == 0 {
		var user, group uint32
		if _, err := fmt.Sscanf(i.User, "%d:%d", &user, &group); err != nil || user == 0 || group == 0 {
			t.Fatalf("user %s: %v", i.User, err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: user, Gid: group}}
		c.Path, c.Args[0], c.Dir = i.Entrypoint[0], i.Entrypoint[0], "/"
	}
	if err := c.Start(); err != nil {
		t.Fatalf("start: %v", err)
	}
	defer func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("the binary ended with %v, want exit code 0", err)
		}
	}()

	ready := regexp.MustCompile(`msg=ready metrics=(\S+) health=(\S+)\n`)
	var urls [][]byte
	for deadline := time.Now().Add(30 * time.Second); urls == nil; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		if urls = ready.FindSubmatch(text); urls == nil && time.Now().After(deadline) {
			t.Fatalf("the binary is not ready within 30s:\n%s", text)
		}
	}
	for url, want := range map[string]string{string(urls[1]): "otelcoder_build_info{", string(urls[2]): "ok\n"} {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: got status %s (%v), want 200 and %q in the body", url, response.Status, err, want)
		}
	}
}
