package postgres

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/otelcoder/otelcoder/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }
