"""Ends the rest of a local cluster as soon as one of its processes has died, whether a service runs or not.

A TaskManager goes on for 20 s without its JobManager. A bounded job that reaches its end meanwhile puts its output
in place without a checkpoint (the file system sink does), and the run that goes on from the last one repeats it.
Python that runs functions goes on for ever without its TaskManager.

Started as a program with a variable and its value, which every process of the cluster has in its environment and
leaves to those that it starts, and with the ids of the processes; it ends with them.
"""

import contextlib
import sys
import time
from collections.abc import Sequence

import psutil

_LOOK_S = 0.2


def keep_together(variable: str, value: str, pids: Sequence[int]) -> None:
    """Wait until one of the processes has ended, and kill the others, and all that they have started."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    while len(found) == len(pids) and all(_lives(process) for process in found):
        time.sleep(_LOOK_S)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    while left := [process for process in psutil.process_iter() if _inherits(process, variable, value)]:
        for process in left:  # one can start others before it ends
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(_LOOK_S)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _inherits(process: psutil.Process, variable: str, value: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(variable) == value
    except psutil.Error:  # gone meanwhile, or another user's
        return False


if __name__ == "__main__":
    keep_together(sys.argv[1], sys.argv[2], [int(pid) for pid in sys.argv[3:]])
