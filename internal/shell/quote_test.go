package shell_test

import (
	"testing"

	"github.com/otelcoder/otelcoder/internal/shell"
)

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"otelcoder": "otelcoder", "": "''", "a b": "'a b'", "$(rm)": "'$(rm)'", "o'neil": `'o'\''neil'`, "a;b": "'a;b'", "-x": "'-x'",
	} {
		if got := shell.Quote(word); got != want {
			t.Errorf("Quote(%q) = %s, want %s", word, got, want)
		}
	}
}
