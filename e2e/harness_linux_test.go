package e2e

import (
	"os/exec"
	"syscall"
)

func init() {
	endWithParent = func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	}
}
