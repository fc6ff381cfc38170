"""`penstock serve` that kills itself, as `kill -9` would, at the fault point that a fuse names.

A fault point lies before and after the commit of every write that changes a job's row, and before and after every
act on Flink. `python -m tests.real.killable FUSE serve …`: the file FUSE holds the name of the point to die at, or
nothing; while there is no such file, nothing is noted. The points that were passed are written beside it.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from penstock.cli.main import app
from penstock.domain.engine import Action
from penstock.domain.job import Job
from penstock.flink.engine import FlinkEngine
from penstock.store import jobs
from penstock.store.database import Database


class Fuse:
    """Notes fault points while its file is there."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed = passed_file(file)
        self._lock = threading.Lock()

    def point(self, name: str) -> None:
        with self._lock:
            try:
                deadly = self._file.read_text()
            except FileNotFoundError:
                return
            with self._passed.open("a") as passed:
                passed.write(f"{name}\n")
            if name == deadly:
                os.kill(os.getpid(), signal.SIGKILL)


def passed_file(fuse: Path) -> Path:
    return fuse.with_suffix(".passed")


def lay(fuse: Fuse) -> None:
    """Put the fault points into the service."""
    changed = threading.local()
    record, create, write, perform = jobs.record, jobs.create, Database.write, FlinkEngine.perform

    def recording(tx: Connection, before: Job, after: Job, *rest: Any) -> Job | None:
        written = record(tx, before, after, *rest)
        changed.name = f"{_row(before)} -> {_row(after)}" if written else None
        return written

    def creating(tx: Connection, draft: Job, *rest: Any) -> Job:
        changed.name = "create"
        return create(tx, draft, *rest)

    @contextlib.contextmanager
    def writing(self: Database) -> Iterator[Connection]:
        changed.name = None
        with write(self) as tx:
            yield tx
            if changed.name:
                fuse.point(f"before commit: {changed.name}")
        if changed.name:
            fuse.point(f"after commit: {changed.name}")

    def performing(self: FlinkEngine, action: Action) -> None:
        fuse.point(f"before act: {type(action).__name__}")
        perform(self, action)
        fuse.point(f"after act: {type(action).__name__}")

    jobs.record, jobs.create = recording, creating
    Database.write, FlinkEngine.perform = writing, performing  # type: ignore[method-assign]


def _row(job: Job) -> str:
    return f"{job.status}, goal {job.goal}"


if __name__ == "__main__":
    lay(Fuse(Path(sys.argv.pop(1))))
    app()
