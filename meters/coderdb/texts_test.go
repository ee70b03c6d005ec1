package coderdb

import (
	"maps"
	"slices"
	"testing"
	"unsafe"
)

// TestTextsAreHeldOnce checks that equal names and states of all rows share their memory.
func TestTextsAreHeldOnce(t *testing.T) {
	_, url := newFleetOf(t, 30) // with 20 templates
	workspaces, err := open(t, url).Sources().Agents.Agents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	memory := make(map[*byte]string)
	for _, w := range workspaces {
		for _, a := range w.Agents {
			for _, text := range []string{w.Template, a.Name, string(a.Status), string(a.Lifecycle), a.Apps[0].DisplayName, string(a.Apps[0].Health)} {
				memory[unsafe.StringData(text)] = text
			}
		}
	}
	if len(workspaces) != 30 || len(memory) != 20+5 {
		t.Errorf("got %d workspaces with %d texts in memory, want 30 with 25: %q", len(workspaces), len(memory), slices.Sorted(maps.Values(memory)))
	}
}
