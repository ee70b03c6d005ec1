package logged_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/otelcoder/otelcoder/internal/logged"
)

func Example() {
	var log logged.Log
	ready := log.Find(regexp.MustCompile(`msg=ready port=(\d+)\n`))
	log.Logger().Info("ready", "port", 2112)
	fmt.Println((<-ready)[1])
	fmt.Print(log.Take())
	// Output:
	// 2112
	// level=INFO msg=ready port=2112
}

// TestFind checks that Find finds output that arrives in pieces, also before the call of Find.
func TestFind(t *testing.T) {
	var log logged.Log
	line := regexp.MustCompile(`(?m)^ready (\S+)\n`)
	before := log.Find(line)
	for _, piece := range []string{"not ready 1\nrea", "dy 2", "\nready 3\n"} {
		select {
		case m := <-before:
			t.Fatalf("found %q too early", m)
		default:
		}
		fmt.Fprint(&log, piece)
	}
	for name, found := range map[string]<-chan []string{"before": before, "after": log.Find(line)} {
		select {
		case m := <-found:
			if m[1] != "2" {
				t.Errorf("Find called %s the output: found %q, want 2", name, m)
			}
		default:
			t.Errorf("Find called %s the output: not found", name)
		}
	}
}
