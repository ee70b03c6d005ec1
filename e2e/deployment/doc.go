// Package deployment measures the service beside deployments of several sizes: a real
// PostgreSQL and otelcoder as a process of its own. `make bench-deployment` prints the
// table of docs/performance.md; `make e2e` runs it with ten workspaces, to see that it
// works. Flags:
//
//	-sizes         numbers of workspaces, separated by commas (10)
//	-interval      time between collections of each source (2s); the service is
//	               measured for three
//	-metric-names  edition of the metrics that the service serves (documented)
package deployment
