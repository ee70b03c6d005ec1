package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// UsersSource counts the users by status, without deleted and system users but with
// service accounts. Statuses without users may be left out.
type UsersSource interface {
	Users(ctx context.Context) (map[UserStatus]int, error)
}

// UserStatus is the status of a user.
type UserStatus string

// The statuses of a user.
const (
	UserActive    UserStatus = "active"
	UserSuspended UserStatus = "suspended"
	UserDormant   UserStatus = "dormant"
)

func users(c config, source UsersSource, refused sourceRefusals) collector {
	return collector{
		name:     "users",
		families: []instrument.Family{instrument.APITotalUserCount},
		interval: c.insightsInterval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			counts, err := source.Users(ctx)
			if err != nil {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: userSamples(counts, c, refused)}, len(counts), nil
		},
	}
}

// userSamples returns a sample for each documented status with users.
func userSamples(counts map[UserStatus]int, c config, refused sourceRefusals) []sample {
	var samples []sample
	for status, n := range counts {
		if refused.documented(status.documented()) && refused.valid(float64(n)) && n > 0 {
			samples = append(samples, c.sample(instrument.APITotalUserCount, instrument.UserCount{Status: string(status)}, float64(n)))
		}
	}
	return samples
}

func (s UserStatus) documented() bool {
	switch s {
	case UserActive, UserSuspended, UserDormant:
		return true
	}
	return false
}
