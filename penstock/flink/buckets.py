"""The project's buckets as folders of the host: the only place that knows where `obs://` addresses lie."""

import re
from collections.abc import Iterable
from pathlib import Path

from penstock.domain import bucket
from penstock.domain.errors import Invalid

_METADATA = "_metadata"
"""The file that Flink writes last, and that makes a checkpoint or savepoint complete."""


class Buckets:
    """All buckets live below one root, a folder each; a bucket is made at its first use."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._host_path = _path_below(self._root)
        self._beside = _path_below(self._root.parent)

    def path(self, address: str) -> Path:
        """Return where an address lies; raises `Invalid` for one that is malformed or leaves its bucket."""
        name, parts = bucket.split(address)
        home = self._root / name
        path = home.joinpath(*parts)
        if not path.resolve().is_relative_to(home):
            raise Invalid(f"{address!r} leads out of its bucket")
        return path

    def uri(self, address: str) -> str:
        """Return the address for Flink to write to; its bucket exists from now on."""
        path = self.path(address)
        name, _ = bucket.split(address)
        (self._root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return f"file://{path}"  # Flink reads it as plain text: nothing is percent-encoded

    def address(self, place: str | Path) -> str | None:
        """Return the address of a path or URI that Flink names; None when it lies in no bucket."""
        text = self._host_path.sub("obs://", str(place), count=1)
        return bucket.parse(text) if text.startswith("obs://") else None

    def scrub(self, text: str) -> str:
        """Replace the host's paths into the buckets by addresses, and make those beside them relative."""
        return self._beside.sub("", self._host_path.sub("obs://", text))

    def state_at(self, address: str) -> str | None:
        """Return the address of the complete state there, or in its newest `savepoint-*` folder."""
        path = self.path(address)
        if (path / _METADATA).is_file():
            return bucket.parse(address)
        return self._newest(path.glob(f"savepoint-*/{_METADATA}"))

    def has_state(self, address: str) -> bool:
        """Say whether a job can be started from what lies there."""
        return self.state_at(address) is not None

    def savepoint_of(self, address: str, run_id: str, since: int) -> str | None:
        """Return the complete savepoint of this run there that was written at `since` or later.

        A folder that users name themselves may hold the savepoints of earlier requests too.
        """
        written = self.path(address).glob(f"savepoint-{run_id[:6]}-*/{_METADATA}")
        return self._newest(file for file in written if _written_at(file) >= since)

    def newest_checkpoint(self, address: str) -> str | None:
        """Return the address of the newest complete checkpoint of any run below (`<run id>/chk-N`)."""
        path = self.path(address)
        return self._newest(path.glob(f"*/chk-*/{_METADATA}"))

    def _newest(self, metadata: Iterable[Path]) -> str | None:
        newest = max(metadata, key=_written_at, default=None)
        return self.address(newest.parent) if newest and newest.exists() else None


def _path_below(folder: Path) -> re.Pattern[str]:
    return re.compile(rf"(?:file:(?://)?)?{re.escape(str(folder))}/")


def _written_at(file: Path) -> int:
    """Give the file's time in milliseconds; 0 when it is gone, as Flink drops older checkpoints while we look."""
    try:
        return file.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return 0
