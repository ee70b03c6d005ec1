package pgtest

import "syscall"

// endWithParent makes a process end at once when the process that started it
// does.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
