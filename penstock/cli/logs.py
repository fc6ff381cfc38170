"""`penstock jobs logs`: print the logs of a job, or go on printing them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock.cli import connection, tables
from penstock.cli.failure import fail
from penstock.cli.tables import Row
from penstock.client import Client
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
class _Printer:
    """Prints files, each with its name before it where there are several."""

    client: Client
    job_id: int
    _read_to: dict[tuple[str, str], int] = field(default_factory=dict)
    """By run and name, the byte up to which a file was read."""
    _last: tuple[str, str] | None = None

    def go_on(self, files: list[Row], *, at: int = 0) -> None:
        """Print what is new of each; of a file that is new here, all from that byte."""
        full = {_current(file["name"]): file for file in files if file["name"] != _current(file["name"])}
        for file in files:
            if file["name"] == _current(file["name"]):
                key = file["run_id"], file["name"]
                offset = self._read_to.get(key, at)
                if file["size"] < offset and file["name"] in full:  # it was full, and a new one begun
                    self.read(full[file["name"]], offset)
                    offset = 0
                self._read_to[key] = self.read(file, offset)

    def read(self, file: Row, offset: int = 0) -> int:
        """Print the rest of a file, and say how far it goes."""
        while True:
            query = {"run_id": file["run_id"], "offset": offset, "limit": _LIMIT}
            piece = self.client.read_log(self.job_id, file["name"], **query)
            if piece["content"]:
                self._name(file)
                print(piece["content"], end="", flush=True)
            if piece["next_offset"] == piece["offset"]:
                return max(offset, 0)
            offset = piece["next_offset"]

    def _name(self, file: Row) -> None:
        key = file["run_id"], file["name"]
        if key != self._last:
            self._last = key
            print(f"==> {file['run_id'][:8]} {file['name']} <==")


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
            printer.read(file)


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


def _current(name: str) -> str:
    """Name the file that a process writes, of one that it has filled or of itself."""
    return name.partition(".log")[0] + ".log"
