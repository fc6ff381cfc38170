"""A bucket in a folder of the host.

Plain calls of the file system instead of `obstore`: that follows links out of the folder, does not remove folders,
takes names such as `#1` for its own, and does not tell why the system refused.
"""

import contextlib
import errno
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from penstock.domain.errors import Invalid
from penstock.flink.storage_map import InFolder

_PART = ".penstock-"
"""How the name of a file begins that is still being written."""
_LEFT_OVER_S = 3600


class Folder:
    """Keys are paths below the folder, without a slash at either end; `Invalid` for one that leads out of it."""

    def __init__(self, home: InFolder) -> None:
        self._home = home.folder
        self._is_made = home.is_made

    def uri(self, key: str) -> str:
        path = self._path(key)
        if self._is_made:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.check()
        return f"file://{path}"  # Flink reads it as plain text: nothing is percent-encoded

    def check(self, *, or_unmade: bool = False) -> None:
        if not (or_unmade and self._is_made):
            self._home.stat()

    def folders(self, key: str) -> list[str]:
        return [each.name for each in self._below(key) if each.is_dir(follow_symlinks=False)]

    def files(self, key: str) -> list[str]:
        return [each.name for each in self._below(key) if each.is_file(follow_symlinks=False)]

    def written_at(self, key: str) -> int:
        return self._path(key).stat().st_mtime_ns // 1_000_000

    def remove(self, key: str, names: re.Pattern[str]) -> None:
        folder = self._path(key)
        if folder != Path(os.path.realpath(folder)):
            return
        for name in self.folders(key):
            if names.fullmatch(name):
                shutil.rmtree(folder / name)
        with contextlib.suppress(OSError):  # other things are in it, or it was gone before
            folder.rmdir()

    def download(self, key: str, to: Path, limit: int) -> None:
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if path.stat().st_size > limit:
            raise TooLarge
        shutil.copyfile(path, to)

    def upload(self, content: Path, key: str) -> None:
        self.uri(key)
        path = self._path(key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_parts(path.parent)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_PART, delete=False) as part:
            try:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, part)
                part.flush()
                Path(part.name).replace(path)
            except OSError:
                Path(part.name).unlink(missing_ok=True)
                raise

    def _below(self, key: str) -> "list[os.DirEntry[str]]":
        try:
            with os.scandir(self._path(key)) as found:
                return list(found)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _path(self, key: str) -> Path:
        path = self._home / key
        if not Path(os.path.realpath(path)).is_relative_to(self._home):
            raise Invalid(f"{key!r} leads out of its bucket")
        return path


class TooLarge(OSError):
    """An object has more bytes than it may."""


def _remove_parts(folder: Path) -> None:
    """Remove what processes have left that were killed while they wrote there."""
    for part in folder.glob(f"{_PART}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _LEFT_OVER_S:
                part.unlink()
