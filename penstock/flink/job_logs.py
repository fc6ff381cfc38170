"""The logs of jobs: a folder for each run, in it a file for each of its processes, and those that were full."""

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from penstock.domain.bucket import CLIENT_LOG

log = logging.getLogger(__name__)

_RUN = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"((?:jobmanager|taskmanager-[0-9]{1,4}|submit-client)\.log)(?:\.([0-9]{1,9}))?")
_CLIENT_MOST = 1024 * 1024
_LONGEST = 64 * 1024
_COPIED = "copied"


@dataclass(frozen=True)
class LogFile:
    name: str
    size: int
    written_at: int
    """In milliseconds since the epoch."""


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file, from the byte at `offset` to the one before `next_offset`.

    Only what is whole can be told without places of the host: of a line that is longer than `_LONGEST` bytes the
    rest is left out.
    """

    text: str
    offset: int
    next_offset: int
    size: int
    """Of the file; smaller than an earlier one where the file was full meanwhile, and a new one begun."""


def folder(data_dir: Path) -> Path:
    return data_dir.resolve() / "logs"


class JobLogs:
    """The logs below the data directory of this host. `scrub` takes the host's paths out of texts."""

    def __init__(self, data_dir: Path, scrub: Callable[[str], str]) -> None:
        self._folder = folder(data_dir)
        self._scrub = scrub

    def run_ids(self) -> set[str]:
        """List the runs that have logs."""
        try:
            return {each.name for each in self._folder.iterdir() if _RUN.fullmatch(each.name)}
        except FileNotFoundError:
            return set()

    def files(self, run_id: str) -> list[LogFile]:
        """List the files of a run, full ones before the one that came after them."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for each in self._of(run_id).iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if _NAME.fullmatch(each.name):
                        at = each.stat()
                        found.append(LogFile(each.name, at.st_size, at.st_mtime_ns // 1_000_000))
        return sorted(found, key=_order)

    def read(self, run_id: str, name: str, offset: int, limit: int) -> Piece | None:
        """Read the lines that begin at a byte or later, below 0 from the end; None without a file.

        A line that is still being written is left for the next time. Whatever the limit, there is one line. A file
        that is not full yet can be named by the number that it will get: then it stays the same one.
        """
        if not _NAME.fullmatch(name):
            return None
        try:
            with self._opened(run_id, name) as file:
                size = file.seek(0, 2)
                start = _start(file, offset, size)
                content = file.read(max(limit, _LONGEST))
        except FileNotFoundError:
            return None
        end = content.rfind(b"\n", 0, limit) + 1 or content.find(b"\n") + 1
        kept = content[: end or (len(content) if len(content) >= _LONGEST else 0)]
        return Piece(self._scrub(kept.decode(errors="replace")), start, start + len(kept), size)

    def _opened(self, run_id: str, name: str) -> BinaryIO:
        folder, found = self._of(run_id), _NAME.fullmatch(name)
        with contextlib.suppress(FileNotFoundError):
            return (folder / name).open("rb")
        if not found or not found[2] or int(found[2]) != self._newest(run_id, found[1]) + 1:
            raise FileNotFoundError
        file = (folder / found[1]).open("rb")
        with contextlib.suppress(FileNotFoundError):  # unless it is full by now, and that the one after it
            full = (folder / name).open("rb")
            file.close()
            return full
        return file

    def _newest(self, run_id: str, current: str) -> int:
        """Give the number of the file that was full last; 0 if none was."""
        numbers = [each.name.removeprefix(f"{current}.") for each in self.files(run_id)]
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def note_failure(self, run_id: str, told: str) -> None:
        """Keep what was said of a submission that failed."""
        at, place = datetime.now(UTC), self._of(run_id)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (place / CLIENT_LOG).open("a") as file:
                if file.tell() < _CLIENT_MOST:
                    file.write(f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03} {told[:_CLIENT_MOST]}\n")
        except OSError:  # it must not be in the way of the job
            log.exception("the failure of run %s cannot be logged", run_id)

    def export(self, run_id: str, name: str, to: Path) -> bool:
        """Write a file as users may read it; False when it was full, and is gone by now."""
        try:
            with (self._of(run_id) / name).open(errors="replace") as lines, to.open("w") as copy:
                copy.writelines(self._scrub(line) for line in lines)
        except FileNotFoundError:
            return False
        return True

    def to_copy(self, run_id: str) -> list[LogFile]:
        """List the files that were written since the last copy."""
        try:
            copied_at = (self._of(run_id) / _COPIED).stat().st_mtime
        except FileNotFoundError:
            return self.files(run_id)
        return [each for each in self.files(run_id) if each.written_at >= 1000 * copied_at]

    def note_copy(self, run_id: str, begun_at: int) -> None:
        """Remember when a copy was begun; the clock of files can be a little behind."""
        mark = self._of(run_id) / _COPIED
        mark.touch(mode=0o600)
        os.utime(mark, (begun_at / 1000 - 1, begun_at / 1000 - 1))

    def written_at(self, run_id: str) -> int:
        """Say when something was written last, in milliseconds since the epoch."""
        return max((each.written_at for each in self.files(run_id)), default=0)

    def remove(self, run_id: str) -> None:
        shutil.rmtree(self._of(run_id), ignore_errors=True)

    def _of(self, run_id: str) -> Path:
        return self._folder / run_id


def _start(file: BinaryIO, offset: int, size: int) -> int:
    """Go to the first line that begins at the offset or after it; say where that is."""
    start = min(offset if offset >= 0 else size + offset, size)
    if start <= 0:
        return file.seek(0)
    file.seek(start - 1)
    file.readline()
    return file.tell()


def _order(file: LogFile) -> tuple[bool, list[int], float]:
    process, _, number = file.name.partition(".log")
    return (
        file.name != CLIENT_LOG,
        [int(digits) for digits in re.findall("[0-9]+", process)],
        float(number[1:] or "inf"),
    )
