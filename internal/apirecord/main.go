// Command apirecord writes the exported API of the module's packages to api.txt, one
// line for each constant, variable, function, type, method, field and embedded type, so
// that a change that breaks a program is seen in review:
//
//	make api
//
// With -check it writes nothing, and fails if the code and the record differ. Commands
// and internal packages have no API. Values of constants and names of parameters are
// not recorded.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// record is the file of the recorded API, below the module's folder.
const record = "internal/apirecord/api.txt"

func main() {
	check := flag.Bool("check", false, "write nothing: fail if the code and the record differ")
	flag.Parse()
	if err := run(".", *check); err != nil {
		fmt.Fprintln(os.Stderr, "apirecord:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	api, err := exported(root)
	if err != nil {
		return err
	}
	if !check {
		if err := os.WriteFile(filepath.Join(root, record), []byte(strings.Join(api, "")), 0o644); err != nil {
			return fmt.Errorf("write the API: %w", err)
		}
		return nil
	}
	recorded, err := os.ReadFile(filepath.Join(root, record))
	if err != nil {
		return fmt.Errorf("read the recorded API: %w", err)
	}
	if diff := compare(slices.Collect(strings.Lines(string(recorded))), api); diff != "" {
		return fmt.Errorf("the API differs from %s:\n%sA line with a minus, and a method added to an interface, break programs.\n"+
			"If the change is intended, run make api and name it in CHANGELOG.md", record, diff)
	}
	return nil
}

// compare returns the lines that are only in the record, with a minus, and those that
// are only in the code, with a plus.
func compare(recorded, api []string) string {
	var diff strings.Builder
	for _, line := range recorded {
		if !slices.Contains(api, line) {
			diff.WriteString("-" + line)
		}
	}
	for _, line := range api {
		if !slices.Contains(recorded, line) {
			diff.WriteString("+" + line)
		}
	}
	return diff.String()
}

// exported returns the lines of the API of all public packages of a module.
func exported(root string) ([]string, error) {
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Name,Export,DepOnly,Module", "./...")
	list.Dir = root
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages: %w\n%s", err, &stderr)
	}
	files := make(map[string]string) // with the export data of the compiler, by import path; none for a package of tests
	var public []string
	var module string // prefix of the paths of its packages, which the lines omit
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Name, Export string
			DepOnly                  bool
			Module                   struct{ Path string }
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("list the packages: %w", err)
		}
		files[p.ImportPath] = p.Export
		if !p.DepOnly && p.Export != "" && p.Name != "main" && !slices.Contains(strings.Split(p.ImportPath, "/"), "internal") {
			public = append(public, p.ImportPath)
			module = p.Module.Path + "/"
		}
	}
	compiled := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
	var lines []string
	slices.Sort(public)
	for _, path := range public {
		p, err := compiled.Import(path)
		if err != nil {
			return nil, fmt.Errorf("import %s: %w", path, err)
		}
		lines = append(lines, describe(p, module)...)
	}
	return lines, nil
}

// describe returns the lines of the API of a package.
func describe(p *types.Package, module string) []string {
	var lines []string
	within := func(other *types.Package) string {
		if other == p {
			return ""
		}
		return strings.TrimPrefix(other.Path(), module)
	}
	add := func(format string, args ...any) {
		lines = append(lines, "pkg "+strings.TrimPrefix(p.Path(), module)+", "+fmt.Sprintf(format, args...)+"\n")
	}
	text := func(t types.Type) string { return types.TypeString(withoutNames(t), within) }
	for _, name := range p.Scope().Names() {
		object := p.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		switch object := object.(type) {
		case *types.Const:
			add("const %s %s", name, text(object.Type()))
		case *types.Var:
			add("var %s %s", name, text(object.Type()))
		case *types.Func:
			add("func %s%s", name, strings.TrimPrefix(text(object.Type()), "func"))
		case *types.TypeName:
			if object.IsAlias() {
				add("type %s = %s", name, text(types.Unalias(object.Type())))
				continue
			}
			full := text(object.Type()) // with type parameters
			switch t := object.Type().Underlying().(type) {
			case *types.Struct:
				kind := "struct"
				if types.Comparable(t) {
					kind = "comparable struct"
				}
				add("type %s %s", full, kind)
				for field := range fields(t) {
					if field.Embedded() {
						add("type %s struct, embedded %s", full, text(field.Type()))
					} else {
						add("type %s struct, %s %s", full, field.Name(), text(field.Type()))
					}
				}
			case *types.Interface:
				add("type %s interface", full)
				for method := range t.Methods() {
					if method.Exported() {
						add("type %s interface, %s%s", full, method.Name(), strings.TrimPrefix(text(method.Type()), "func"))
					} else {
						add("type %s interface, an unexported method", full)
					}
				}
				for embedded := range t.EmbeddedTypes() {
					if i, ok := embedded.Underlying().(*types.Interface); !ok || !i.IsMethodSet() {
						add("type %s interface, type set %s", full, text(embedded))
					}
				}
				continue
			default:
				add("type %s %s", full, text(t))
			}
			value := types.NewMethodSet(object.Type())
			for method := range types.NewMethodSet(types.NewPointer(object.Type())).Methods() {
				receiver := full
				if value.Lookup(p, method.Obj().Name()) == nil {
					receiver = "*" + full
				}
				if method.Obj().Exported() {
					add("method (%s) %s%s", receiver, method.Obj().Name(), strings.TrimPrefix(text(method.Type()), "func"))
				}
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// fields yields the exported fields of a struct, and those promoted from its embedded
// structs of an unexported type.
func fields(s *types.Struct) iter.Seq[*types.Var] {
	return func(yield func(*types.Var) bool) {
		for field := range s.Fields() {
			if field.Exported() {
				if !yield(field) {
					return
				}
				continue
			}
			t := field.Type()
			if pointer, ok := t.(*types.Pointer); ok {
				t = pointer.Elem()
			}
			if embedded, ok := t.Underlying().(*types.Struct); ok && field.Embedded() {
				for promoted := range fields(embedded) {
					if !yield(promoted) {
						return
					}
				}
			}
		}
	}
}

// withoutNames returns a function's type without the names of its parameters, and any
// other type as it is.
func withoutNames(t types.Type) types.Type {
	f, ok := t.(*types.Signature)
	if !ok {
		return t
	}
	unnamed := func(tuple *types.Tuple) *types.Tuple {
		var vars []*types.Var
		for v := range tuple.Variables() {
			vars = append(vars, types.NewVar(token.NoPos, nil, "", withoutNames(v.Type())))
		}
		return types.NewTuple(vars...)
	}
	parameters := slices.Collect(f.TypeParams().TypeParams())
	if len(parameters) > 0 {
		return t // a type parameter belongs to one signature
	}
	return types.NewSignatureType(nil, nil, nil, unnamed(f.Params()), unnamed(f.Results()), f.Variadic())
}
