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
	return collector{
		name:     "active_users",
		families: []instrument.Family{instrument.APIActiveUsers},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			users, err := source.ActiveUsers(ctx)
			if err != nil || !refused.valid(float64(users)) {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: {c.sample(instrument.APIActiveUsers, instrument.NoLabels{}, float64(users))}}, 1, nil
		},
	}
}
