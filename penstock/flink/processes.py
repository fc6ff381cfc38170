"""Engine processes of this host: found by what their command line says, and ended for certain."""

import contextlib
import time
from collections.abc import Collection
from pathlib import Path

import psutil

_PATIENCE = 10.0  # seconds for an end in peace, then again for one by force


class StillRunning(Exception):
    """A process did not end, even by force."""


def data_dir_mark(data_dir: Path) -> str:
    """The argument by which every engine process names the data directory that it works for."""
    return f"-Dpenstock.data-dir={data_dir.resolve()}"


def find(marks: Collection[str]) -> list[psutil.Process]:
    """Return the living processes that carry all these arguments."""
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
    """Say whether the process lives and was started with all these arguments."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and set(marks) <= set(process.cmdline())
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
