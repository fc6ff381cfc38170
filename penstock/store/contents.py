"""The bytes of packages: files of the data directory, each named by the SHA-256 of what it holds.

A file is put in its place before its row is stored, and removed after that is gone, both under `database.alone`.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock.domain.errors import Invalid

_PART = 1 << 20
_FORGOTTEN_S = 24 * 3600
"""When what has arrived is no longer on its way anywhere: its process has died."""


@dataclass(frozen=True)
class Arrived:
    """A file that has arrived, and is removed unless it is kept."""

    path: Path
    content: str
    size: int


@dataclass(frozen=True)
class Contents:
    """The contents below a folder, none larger than `limit` bytes."""

    folder: Path
    limit: int

    @contextlib.contextmanager
    def room(self) -> Iterator[Path]:
        """Give a path to write something to that is then looked at, and removed in the end if it is still there."""
        arrivals = self.folder / "arriving"
        arrivals.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=arrivals, delete=False) as file:
            path = Path(file.name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def write(self, chunks: Iterable[bytes], to: Path) -> None:
        """Write what comes; raises `Invalid` when it is too large."""
        size = 0
        with to.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > self.limit:
                    raise Invalid(f"a package must be at most {self.limit} bytes")
                file.write(chunk)

    def keep(self, arrived: Arrived) -> None:
        """Let it be one of the contents; it is durable once this returns."""
        arrived.path.replace(self.path(arrived.content))
        _make_durable(self.folder)

    def path(self, content: str) -> Path:
        return self.folder / content

    def remove(self, content: str) -> None:
        self.path(content).unlink(missing_ok=True)

    def sweep(self, kept: Collection[str]) -> None:
        """Remove what a process has left that died on the way."""
        for file in self.folder.glob("*"):
            if file.is_file() and file.name not in kept:
                file.unlink()
        for file in self.folder.glob("arriving/*"):
            with contextlib.suppress(FileNotFoundError):  # what arrives takes no lock
                if time.time() - file.stat().st_mtime > _FORGOTTEN_S:
                    file.unlink()


def _make_durable(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def arrived(path: Path) -> Arrived:
    """Tell what has been written there, and make it durable: no transaction is to wait for that."""
    _make_durable(path)
    with path.open("rb") as file:
        return Arrived(path, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
