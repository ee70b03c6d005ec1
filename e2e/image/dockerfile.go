// Package image reads the Dockerfile as Docker's BuildKit does. The tests have no
// container engine: they build the binary with the command of the Dockerfile, and run
// it as the image would.
package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Image is the content of a Dockerfile.
type Image struct {
	Build      string   // the command that builds the binary
	Files      []string // paths of the image's files, in order
	Base       string
	User       string
	Ports      []string
	Entrypoint []string
	Command    []string
	Warnings   []string // warnings of BuildKit's parser and linter
}

// Read reads the project's Dockerfile. root is the project's folder.
func Read(t testing.TB, root string) Image {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatalf("parse the Dockerfile: %v", err)
	}
	var image Image
	for _, w := range parsed.Warnings {
		image.Warnings = append(image.Warnings, w.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, description, _, message string, _ []parser.Range) {
		image.Warnings = append(image.Warnings, rule+": "+message)
	}})
	stages, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		t.Fatalf("read the Dockerfile: %v", err)
	}
	for _, command := range stages[0].Commands {
		if run, ok := command.(*instructions.RunCommand); ok {
			image.Build = strings.Join(run.CmdLine, " ") // the last RUN wins
		}
	}
	last := stages[len(stages)-1]
	image.Base = last.BaseName
	for _, command := range last.Commands {
		switch command := command.(type) {
		case *instructions.CopyCommand:
			image.Files = append(image.Files, command.DestPath)
		case *instructions.UserCommand:
			image.User = command.User
		case *instructions.ExposeCommand:
			image.Ports = command.Ports
		case *instructions.EntrypointCommand:
			image.Entrypoint = command.CmdLine
		case *instructions.CmdCommand:
			image.Command = command.CmdLine
		default:
			t.Errorf("unexpected instruction in the last stage: %s", command.Name())
		}
	}
	return image
}
