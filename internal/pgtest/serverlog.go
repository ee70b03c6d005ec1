package pgtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Log returns the log of the server.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}
