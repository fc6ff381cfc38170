"""The project's buckets as folders of the host: the only place that knows where `obs://` addresses lie."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from penstock.domain import bucket
from penstock.domain.errors import Invalid

_METADATA = "_metadata"
"""The file that Flink writes last, and that makes a checkpoint or savepoint complete."""
_CHECKPOINT = re.compile(r"[0-9a-f]{32}/chk-[0-9]+")
"""How the address of a run's checkpoint ends."""
_RUN = re.compile(r"[0-9a-f]{32}")
_PARTS = re.compile(r"chk-[0-9]+|shared|taskowned")
"""What Flink makes in the folder of a run's checkpoints."""


class BucketFailure(Exception):
    """The host cannot use a bucket just now; the text names the address and is for the user."""


class Buckets:
    """All buckets live below one root, a folder each; a bucket is made at its first use."""

    def __init__(self, root: Path, *, write_timeout_s: int = 24 * 3600) -> None:
        """Take the root, and how long Flink may be writing one state there."""
        self.write_timeout_s = write_timeout_s
        self._root = root.resolve()
        self._host_path = _path_below(self._root)
        self._beside = _path_below(self._root.parent)

    def path(self, address: str) -> Path:
        """Return where an address lies; raises `Invalid` for one that is malformed or leaves its bucket."""
        name, parts = bucket.split(address)
        home = self._root / name
        path = home.joinpath(*parts)
        if not Path(os.path.realpath(path)).is_relative_to(home):
            raise Invalid(f"{address!r} leads out of its bucket")
        return path

    def uri(self, address: str) -> str:
        """Return the address for Flink to write to; its bucket exists from now on, or this is a `BucketFailure`."""
        path = self.path(address)
        name, _ = bucket.split(address)
        with _told_of(address):
            (self._root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return f"file://{path}"  # Flink reads it as plain text: nothing is percent-encoded

    def address(self, place: str | Path) -> str | None:
        """Return the address of a path or URI that Flink names; None when it lies in no bucket."""
        text = self._host_path.sub("obs://", str(place), count=1)
        return bucket.parse(text) if text.startswith("obs://") else None

    def scrub(self, text: str) -> str:
        """Replace the host's paths into the buckets by addresses, and make those beside them relative.

        U+0000, which data can bring into a cause and PostgreSQL does not store, becomes U+FFFD.
        """
        return self._beside.sub("", self._host_path.sub("obs://", text)).replace("\0", "\N{REPLACEMENT CHARACTER}")

    def state_at(self, address: str) -> str | None:
        """Return the address of the complete state to start from there; raises `BucketFailure`.

        Of a folder it is the newest `savepoint-*`. Of a checkpoint it is the newest of its run, but none older than
        it: after our last look Flink goes on writing new ones, and drops the old.
        """
        path = self.path(address)
        with _told_of(address):
            if _CHECKPOINT.fullmatch(f"{path.parent.name}/{path.name}"):
                return self._newest_checkpoint(path)
            if (path / _METADATA).is_file():
                return bucket.parse(address)
            return self._newest_savepoint(path, "savepoint-.*", since=0)

    def is_gone(self, address: str) -> bool:
        """Say whether no complete state lies there, in a bucket that does; raises `BucketFailure`."""
        name, _ = bucket.split(address)
        with _told_of(address):
            (self._root / name).stat()  # a file system that is not mounted has lost nothing
        return self.state_at(address) is None

    def remove_checkpoints(self, folder: str) -> None:
        """Remove what Flink has made in the folder of a run's checkpoints, and nothing else.

        A folder that is not named like a run, or that a link leads to, stays as it is. Raises `BucketFailure`.
        """
        path = self.path(folder)
        is_of_a_run = _RUN.fullmatch(path.name) and path == Path(os.path.realpath(path))
        if not is_of_a_run or not path.is_dir():
            return
        with _told_of(folder):
            for part in path.iterdir():
                if _PARTS.fullmatch(part.name) and not part.is_symlink():
                    shutil.rmtree(part)
            if not any(path.iterdir()):
                path.rmdir()

    def newest_checkpoint(self, folder: str) -> str | None:
        """Return the newest complete checkpoint below the folder of a run; raises `BucketFailure`."""
        path = self.path(folder)
        with _told_of(folder):
            return self._newest_checkpoint(path / "chk-0")

    def savepoint_of(self, address: str, run_id: str, since: int) -> str | None:
        """Return the complete savepoint of this run there that was written at `since` or later.

        A folder that users name themselves may hold the savepoints of earlier requests too. Raises `BucketFailure`.
        """
        with _told_of(address):
            return self._newest_savepoint(self.path(address), f"savepoint-{run_id[:6]}-.*", since)

    def _newest_checkpoint(self, known: Path) -> str | None:
        numbers = {_number(each): each for each in _complete(known.parent, "chk-[0-9]+")}
        newest = max(numbers, default=-1)
        return self.address(numbers[newest]) if newest >= _number(known) else None

    def _newest_savepoint(self, folder: Path, name: str, since: int) -> str | None:
        written = {_written_at(each): each for each in _complete(folder, name)}
        newest = max(written, default=-1)
        return self.address(written[newest]) if newest >= since else None


def _path_below(folder: Path) -> re.Pattern[str]:
    return re.compile(rf"(?:file:(?://)?)?{re.escape(str(folder))}/")


@contextlib.contextmanager
def _told_of(address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BucketFailure(f"cannot use {address}: {error.strerror}") from error


def _complete(folder: Path, name: str) -> list[Path]:
    """List the complete states below a folder whose names match the pattern."""
    try:
        found = [each for each in folder.iterdir() if re.fullmatch(name, each.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [each for each in found if (each / _METADATA).is_file()]


def _number(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("chk-"))


def _written_at(state: Path) -> int:
    """Give the time in milliseconds at which it was complete; -1 when it is gone, as Flink drops what is old."""
    try:
        return (state / _METADATA).stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return -1
