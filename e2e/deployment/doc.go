// Package deployment measures the service with deployments of several sizes, with a real
// PostgreSQL and otelcoder as a separate process. `make bench-deployment` prints the table
// of docs/performance.md; `make e2e` runs it with ten workspaces, to check that it works.
// Flags:
//
//	-sizes         numbers of workspaces, separated by commas (10)
//	-interval      time between collections of each source (2s); the measurement
//	               takes three intervals
//	-metric-names  edition of the metrics that the service serves (documented)
package deployment
