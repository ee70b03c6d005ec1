// Package routers tests the code in docs/importing.md for routers that package httpmw does
// not support on its own.
package routers
