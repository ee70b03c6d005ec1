package meters

import (
	"context"

	"github.com/otelcoder/otelcoder/instrument"
)

// DaemonsSource counts the provisioner daemons that are alive.
type DaemonsSource interface {
	Daemons(ctx context.Context) (int, error)
}

func daemons(c config, source DaemonsSource, refused sourceRefusals) collector {
	return collector{
		name:     "daemons",
		families: []instrument.Family{instrument.ProvisionerDaemons},
		interval: c.interval,
		collect: func(ctx context.Context) (snapshot, int, error) {
			alive, err := source.Daemons(ctx)
			if err != nil || !refused.valid(float64(alive)) {
				return snapshot{}, 0, err
			}
			return snapshot{instrument.ProvisionerDaemons.Group(): {c.sample(instrument.ProvisionerDaemons, instrument.NoLabels{}, float64(alive))}}, 1, nil
		},
	}
}
