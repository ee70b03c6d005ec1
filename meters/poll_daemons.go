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
	return counted(c, "daemons", instrument.ProvisionerDaemons, source.Daemons, refused)
}
