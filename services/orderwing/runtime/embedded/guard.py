"""Runs a command that ends when its parent ends, however the parent ends: `guard.py PARENT_PID COMMAND [ARGUMENT ...]`.

On Linux the kernel kills the command with its parent. Elsewhere this process stays and watches. It is a program of
its own because code between fork and exec is not safe in a process with threads. Standard library only: it is run
by path, isolated, to start fast.
"""

import ctypes
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.2


def main() -> None:
    """Replace this process by the command (Linux), or run it and watch the parent."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:  # else the parent ended before the kernel was asked
            os.execvp(command[0], command)
        return
    sys.exit(_watch(parent, command))


def _watch(parent: int, command: list[str]) -> int:
    child = os.fork()
    if child == 0:
        os.execvp(command[0], command)
    for number in (signal.SIGTERM, signal.SIGINT):  # sent to the whole group: the child ends by it
        signal.signal(number, signal.SIG_IGN)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) & 0xFF
        if os.getppid() != parent:
            os.killpg(0, signal.SIGKILL)
        time.sleep(_POLL_S)


if __name__ == "__main__":
    main()
