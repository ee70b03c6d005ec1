// Package routers tests the code that docs/importing.md shows for routers that
// package httpmw does not know by itself.
package routers
