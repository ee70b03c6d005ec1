package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// LicenseSource returns the number of active users and the licensed limit.
type LicenseSource interface {
	License(ctx context.Context) (License, error)
}

// License is the number of active users and the user limit in force.
type License struct {
	ActiveUsers int // with or without a limit; without system users and service accounts
	Limit       int // licensed users; 0 if no limit is in force
}

func license(c config, source LicenseSource, refused sourceRefusals) collector {
	return collector{
		name:     "license",
		families: []instrument.Family{instrument.LicenseActiveUsers, instrument.LicenseLimitUsers, instrument.LicenseUserLimitEnabled},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			l, err := source.License(ctx)
			if err != nil {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.Deployment: licenseSamples(l, c, refused)}, 1, nil
		},
	}
}

// licenseSamples returns the limit only if one is in force.
func licenseSamples(l License, c config, refused sourceRefusals) []sample {
	limited := refused.valid(float64(l.Limit)) && l.Limit > 0
	samples := []sample{c.sample(instrument.LicenseUserLimitEnabled, instrument.NoLabels{}, oneIf(limited))}
	if limited {
		samples = append(samples, c.sample(instrument.LicenseLimitUsers, instrument.NoLabels{}, float64(l.Limit)))
	}
	if refused.valid(float64(l.ActiveUsers)) {
		samples = append(samples, c.sample(instrument.LicenseActiveUsers, instrument.NoLabels{}, float64(l.ActiveUsers)))
	}
	return samples
}
