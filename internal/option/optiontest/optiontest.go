// Package optiontest tests the options of a package: every argument is refused by
// every constructor, or works.
package optiontest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Row is an option with an argument.
type Row[O any] struct {
	Name   string // of the option, such as WithInterval
	Option O
	Want   string // part of the error, beside the name; "" if the argument is accepted
}

// Run passes each option to each constructor. A constructor should also use what it
// made from an option that it accepted: nothing may panic later.
//
// It fails if an option of the package in the working directory has no row, and if an
// option that takes arguments has no row whose argument is refused, unless it is
// among free, whose arguments are all accepted.
func Run[O any](t *testing.T, rows []Row[O], constructors map[string]func(*testing.T, O) error, free ...string) {
	t.Helper()
	for _, row := range rows {
		for _, name := range slices.Sorted(maps.Keys(constructors)) {
			t.Run(row.Name+"/"+name, func(t *testing.T) {
				err := constructors[name](t, row.Option)
				switch {
				case row.Want == "" && err != nil:
					t.Errorf("refused: %v", err)
				case row.Want != "" && err == nil:
					t.Errorf("accepted, want an error with %q", row.Want)
				case row.Want != "" && (!strings.Contains(err.Error(), row.Name) || !strings.Contains(err.Error(), row.Want)):
					t.Errorf("error %q, want one with %q and %q", err, row.Name, row.Want)
				}
			})
		}
	}
	for option, takesArguments := range options(t) {
		hasRow := func(refused bool) bool {
			return slices.ContainsFunc(rows, func(r Row[O]) bool { return r.Name == option && (!refused || r.Want != "") })
		}
		if !hasRow(false) {
			t.Errorf("the table has no row of %s", option)
		}
		if takesArguments && !slices.Contains(free, option) && !hasRow(true) {
			t.Errorf("the table has no row of %s whose argument is refused", option)
		}
	}
}

// options returns the options of the package in the working directory: the exported
// functions that return an Option, and whether they take arguments.
func options(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	options := make(map[string]bool)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Name.IsExported() && returnsOption(f.Type.Results) {
				options[f.Name.Name] = f.Type.Params.NumFields() > 0
			}
		}
	}
	if len(options) == 0 {
		t.Error("the package has no options")
	}
	return options
}

func returnsOption(results *ast.FieldList) bool {
	if results.NumFields() != 1 {
		return false
	}
	result, ok := results.List[0].Type.(*ast.Ident)
	return ok && result.Name == "Option"
}
