package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// ActiveUsersSource counts the distinct users who used an API key within the past hour.
type ActiveUsersSource interface {
	ActiveUsers(ctx context.Context) (int, error)
}

func activeUsers(c config, source ActiveUsersSource, refused sourceRefusals) collector {
	return counted(c, "active_users", instrument.APIActiveUsers, source.ActiveUsers, refused)
}
