"""Engine processes of this host: found by their marks, and ended for certain.

A process has its marks on its command line, and what it starts inherits them in its environment: the Python of
functions goes on, and would for ever, when its TaskManager is killed.
"""

import contextlib
import time
from collections.abc import Collection
from pathlib import Path

import psutil

VARIABLE = "PENSTOCK_MARKS"
_PATIENCE = 10.0  # seconds for an end in peace, then again for one by force


class StillRunning(Exception):
    """A process did not end, even by force."""


def data_dir_mark(data_dir: Path) -> str:
    """The argument by which every engine process names the data directory that it works for."""
    return f"-Dpenstock.data-dir={data_dir.resolve()}"


def inheritable(marks: Collection[str]) -> tuple[str, str]:
    """Give the variable, and its value, in the environment of a process with these marks."""
    return VARIABLE, "\n".join(marks)


def find(marks: Collection[str]) -> list[psutil.Process]:
    """Return the living processes that carry all these marks."""
    return [process for process in psutil.process_iter() if carries(process, marks)]


def naming(text: str) -> list[psutil.Process]:
    """Return the living processes with an argument that holds this text."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(text in argument for argument in process.cmdline()):
                found.append(process)
    return found


def carries(process: psutil.Process, marks: Collection[str]) -> bool:
    """Say whether the process lives, and it or what has started it was started with all these marks."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        inherited = process.environ().get(VARIABLE, "").split("\n")
        return set(marks) <= {*process.cmdline(), *inherited}
    except psutil.Error:  # gone meanwhile, or another user's
        return False


def end(marks: Collection[str], *, at_once: bool = False) -> int:
    """End every process that carries the marks, and return how many there were; raises `StillRunning`.

    `at_once` spares them the time to end in peace.
    """
    found = find(marks)
    for signal in (psutil.Process.terminate, psutil.Process.kill)[at_once:]:
        for process in find(marks):
            with contextlib.suppress(psutil.NoSuchProcess):
                signal(process)
        deadline = time.monotonic() + _PATIENCE
        while left := find(marks):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        if not left:
            return len(found)
    raise StillRunning(f"engine processes {[process.pid for process in left]} cannot be ended")
