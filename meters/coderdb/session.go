package coderdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// session is a connection of its own to the primary, which leaves nothing behind
// when it ends.
type session struct {
	*pgx.Conn
	sockets *sockets
}

func newSession(ctx context.Context, to target) (*session, error) {
	config, err := to(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{sockets: newSockets()}
	// In one round each: a pooler serves two by two server processes.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ValidateConnect = validatePrimary
	config.DialFunc = s.sockets.dial(config.DialFunc)
	if s.Conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		s.sockets.close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return s, nil
}

// end gives the server a second to take its leave, also after ctx has ended.
func (s *session) end(ctx context.Context) {
	defer s.sockets.close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	s.Close(ctx)
	select {
	case <-s.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
