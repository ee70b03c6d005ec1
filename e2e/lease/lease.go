// Package lease is an example of a role by a Kubernetes Lease: a control plane in
// Kubernetes elects the reporting replica in the same way as other leaders.
package lease

import (
	"context"
	"sync/atomic"

	"k8s.io/client-go/tools/leaderelection"

	"github.com/otelcoder/otelcoder/meters/coderdb"
)

// Role is the [coderdb.Role] of the replica that holds a lease.
type Role struct {
	config  leaderelection.LeaderElectionConfig
	elector *leaderelection.LeaderElector
	runs    atomic.Int64
}

// New returns the role of a configuration. It ignores the configured callbacks.
func New(config leaderelection.LeaderElectionConfig) (*Role, error) {
	config.Callbacks = leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) {}, OnStoppedLeading: func() {}}
	elector, err := leaderelection.NewLeaderElector(config)
	return &Role{config: config, elector: elector}, err
}

// Run competes for the lease until ctx ends. A run of the elector ends when it loses the
// lease, so that each run is a new term.
func (r *Role) Run(ctx context.Context) {
	for ctx.Err() == nil {
		r.runs.Add(1)
		r.elector.Run(ctx)
	}
}

// Term implements [coderdb.Role]. The elector believes that it holds the lease until it
// fails to renew it. So Term also checks the age of the last renewal: this replica stops
// after RenewDeadline, which is less than LeaseDuration, for which the others wait.
func (r *Role) Term() (coderdb.Term, bool) {
	held := r.elector.IsLeader() && r.elector.Check(r.config.RenewDeadline-r.config.LeaseDuration) == nil
	return coderdb.Term{Number: int(r.runs.Load())}, held
}

// Reports reports whether this replica holds the lease, for [exporters.WithReporter].
func (r *Role) Reports() bool { _, reports := r.Term(); return reports }
