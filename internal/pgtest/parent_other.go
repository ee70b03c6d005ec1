//go:build unix && !linux

package pgtest

import "syscall"

// endWithParent needs Linux: elsewhere a killed test binary leaves its server
// running.
func endWithParent(*syscall.SysProcAttr) {}
