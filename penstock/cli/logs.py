"""`penstock jobs logs`: print the logs of a job, or go on printing them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock.cli import connection, tables
from penstock.cli.failure import fail
from penstock.cli.tables import Row
from penstock.client import ApiError, Client
from penstock.domain.job import ACTIVE

_LIST: tables.Columns = {
    "run": "run_id",
    "started (UTC)": lambda file: tables.time(file["run_time"]),
    "file": "name",
    "bytes": "size",
    "written (UTC)": lambda file: tables.time(file["update_time"]),
}
_BEGIN_BEFORE_END = 8 * 1024
_LIMIT = 1024 * 1024
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Choice:
    """Which logs are wanted."""

    job_id: int
    run: str | None
    process: str | None

    def of(self, files: Iterable[Row]) -> list[Row]:
        return [file for file in files if file["run_id"].startswith(self.run or "") and self._is_of(file["name"])]

    def of_newest_run(self, files: Iterable[Row]) -> list[Row]:
        found = self.of(files)
        return [file for file in found if file["run_id"] == found[0]["run_id"]]

    def _is_of(self, name: str) -> bool:
        process = name.partition(".log")[0]
        return self.process in (None, process) or process.startswith(f"{self.process}-")


@dataclass
class _Mark:
    """How far the lines of a process were printed: to a byte of the file that has, or will have, a number."""

    number: int = 0
    offset: int = 0


@dataclass
class _Printer:
    """Prints files, each with its name before it where there are several."""

    client: Client
    job_id: int
    _marks: dict[tuple[str, str], _Mark] = field(default_factory=dict)
    """By run and name."""
    _last: tuple[str, str] | None = None

    def go_on(self, files: list[Row], *, at: int = 0) -> None:
        """Print what is new; of what is new here all, or the end from that byte."""
        for (run_id, name), numbers in _by_process(files).items():
            mark = self._marks.setdefault((run_id, name), _Mark(numbers[-1] if at else numbers[0], at))
            if mark.number < numbers[0]:
                print(f"==> {run_id[:8]} {name}: lines came faster than they were read, and are left out <==")
                mark.number, mark.offset = numbers[0], 0
            while self.read(run_id, f"{name}.{mark.number}", mark, name) and mark.number < numbers[-1]:
                mark.number, mark.offset = mark.number + 1, 0

    def read(self, run_id: str, name: str, mark: _Mark, shown_as: str) -> bool:
        """Print the rest of a file; False when it is gone, or just being renamed: the next look tells."""
        while True:
            try:
                piece = self.client.read_log(self.job_id, name, run_id=run_id, offset=mark.offset, limit=_LIMIT)
            except ApiError as error:
                if error.error_code == "DLI.0002":
                    return False
                raise
            if piece["content"]:
                self._name(run_id, shown_as)
                print(piece["content"], end="", flush=True)
            mark.offset = piece["next_offset"]
            if mark.offset == piece["offset"]:
                return True

    def _name(self, run_id: str, name: str) -> None:
        if (run_id, name) != self._last:
            self._last = run_id, name
            print(f"==> {run_id[:8]} {name} <==")


def show_list(choice: Choice) -> None:
    with connection.opened() as client:
        tables.show(choice.of(client.list_logs(choice.job_id)), _LIST, as_json=False)


def show(choice: Choice) -> None:
    """Print all that is kept of a run."""
    with connection.opened() as client:
        files = choice.of_newest_run(client.list_logs(choice.job_id))
        if not files:
            fail("there are no such logs of this job; see those of all runs with --list")
        printer = _Printer(client, choice.job_id)
        for file in files:
            printer.read(file["run_id"], file["name"], _Mark(), file["name"])


def follow(choice: Choice) -> None:
    """Print the end of what there is, and what comes, also from the runs that follow."""
    with connection.opened() as client:
        printer, at = _Printer(client, choice.job_id), -_BEGIN_BEFORE_END
        is_over = False
        while True:
            printer.go_on(choice.of_newest_run(client.list_logs(choice.job_id)), at=at)
            if is_over:
                return
            is_over, at = client.show_job(choice.job_id)["status"] not in ACTIVE, 0
            time.sleep(0 if is_over else _PAUSE_S)


def _by_process(files: Iterable[Row]) -> dict[tuple[str, str], list[int]]:
    """Give the numbers of the files of each process in a run, by the name of the file that it writes.

    That has a number by which it can be read as well: the one that it will get.
    """
    full: dict[tuple[str, str], list[int]] = {}
    for file in files:
        name, _, number = file["name"].partition(".log")
        numbers = full.setdefault((file["run_id"], f"{name}.log"), [])
        numbers.append(int(number[1:]) if number else max(numbers, default=0) + 1)
    return full
