package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v2"
)

// schemaJSON is the part of a JSON schema that the table of values needs.
type schemaJSON struct {
	Description string
	Properties  map[string]schemaJSON
}

// valuesMarkdown returns the table of the chart's values, in the order of values.yaml.
func valuesMarkdown(t *testing.T) string {
	t.Helper()
	var defaults yaml.MapSlice
	if err := yaml.Unmarshal([]byte(read(t, "../../helm/otelcoder/values.yaml")), &defaults); err != nil {
		t.Fatal(err)
	}
	var described schemaJSON
	if err := json.Unmarshal([]byte(read(t, "../../helm/otelcoder/values.schema.json")), &described); err != nil {
		t.Fatal(err)
	}
	rows, err := valueRows("", defaults, described)
	if err != nil {
		t.Fatal(err)
	}
	return markdown(append([][]string{{"Value", "Default", "Description"}}, rows...))
}

// valueRows returns a row for each value: its path, its default and its description.
// A value with properties but no description is a section.
func valueRows(parent string, defaults yaml.MapSlice, described schemaJSON) ([][]string, error) {
	var rows [][]string
	for _, item := range defaults {
		name := fmt.Sprint(item.Key)
		path, property := parent+name, described.Properties[name]
		section, ok := item.Value.(yaml.MapSlice)
		switch {
		case property.Description != "":
			rows = append(rows, []string{"`" + path + "`", shortened(flow(item.Value)), property.Description})
		case ok && property.Properties != nil:
			below, err := valueRows(path+".", section, property)
			if err != nil {
				return nil, err
			}
			rows = append(rows, below...)
		default:
			return nil, fmt.Errorf("the value %s has no description in values.schema.json", path)
		}
	}
	return rows, nil
}

// shortened returns the cell of a default. The cell of a long default refers to the file.
func shortened(text string) string {
	if utf8.RuneCountInString(text) > 40 {
		return "see [values.yaml](values.yaml)"
	}
	return "`" + text + "`"
}

// flow returns a value in YAML's flow style.
func flow(value any) string {
	var parts []string
	switch value := value.(type) {
	case string:
		return strconv.Quote(value)
	case yaml.MapSlice:
		for _, item := range value {
			parts = append(parts, fmt.Sprint(item.Key)+": "+flow(item.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, item := range value {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(value)
}

// TestValueRows checks that a section has a row for each of its values, in the order of the
// file, and that a value with a description has one row even if it has properties.
func TestValueRows(t *testing.T) {
	var defaults yaml.MapSlice
	if err := yaml.Unmarshal([]byte("size: 2\ndatabase: {name: \"\", keys: {a: b}, list: [x, {z: true}]}\n"), &defaults); err != nil {
		t.Fatal(err)
	}
	described := schemaJSON{Properties: map[string]schemaJSON{
		"size": {Description: "How many."},
		"database": {Properties: map[string]schemaJSON{
			"name": {Description: "Its name."},
			"keys": {Description: "Its keys.", Properties: map[string]schemaJSON{"a": {}}},
			"list": {Description: "A list."},
		}},
	}}
	rows, err := valueRows("", defaults, described)
	if err != nil {
		t.Fatal(err)
	}
	const want = `| Value           | Default            | Description |
| --------------- | ------------------ | ----------- |
| ` + "`size`          | `2`                | How many.   |\n| `database.name` | `\"\"`               | Its name.   |\n" +
		"| `database.keys` | `{a: \"b\"}`         | Its keys.   |\n| `database.list` | `[\"x\", {z: true}]` | A list.     |\n"
	if got := markdown(append([][]string{{"Value", "Default", "Description"}}, rows...)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	delete(described.Properties["database"].Properties, "list")
	if _, err := valueRows("", defaults, described); err == nil || !strings.Contains(err.Error(), "database.list has no description") {
		t.Errorf("a value without a description: error %v", err)
	}
}
