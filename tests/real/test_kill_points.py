"""Kill -9 of the service at every write and every act of run, stop, savepoint and delete, one after the other."""

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.client import ApiError, Client, Unreachable
from tests.real import killable
from tests.real.conftest import Served, wait_for

pytestmark = [pytest.mark.flink, pytest.mark.timeout(900)]

WHEN, WHAT = ("before", "after"), ("commit", "act")
SQL = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10');
CREATE TABLE sums (parity BIGINT, total BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT MOD(n, 2), SUM(n) FROM numbers GROUP BY MOD(n, 2);
"""
Row = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """What is called, and when what it asks for is so."""

    starts_running: bool
    call: Callable[[Client, int], object]
    is_done: Callable[[Row | None], bool]
    lives: bool
    """Flink has the job in the end."""


def _in_status(status: str, *, saved: bool | None = None) -> Callable[[Row | None], bool]:
    return lambda row: bool(row) and row["status"] == status and saved in (None, row["has_savepoint"])


OPERATIONS = {
    "run": Operation(False, lambda c, job: c.run_jobs([job]), _in_status("job_running"), lives=True),
    "stop": Operation(True, lambda c, job: c.stop_jobs([job]), _in_status("job_cancel_success"), lives=False),
    "stop with savepoint": Operation(
        True,
        lambda c, job: c.stop_jobs([job], trigger_savepoint=True),
        _in_status("job_cancel_success", saved=True),
        lives=False,
    ),
    "savepoint": Operation(
        True, lambda c, job: c.trigger_savepoint(job), _in_status("job_running", saved=True), lives=True
    ),
    "delete": Operation(True, lambda c, job: c.delete_job(job), lambda row: row is None, lives=False),
}


@dataclass
class Killable:
    """The service of the data directory, with a fuse in it."""

    served: Served
    client: Client

    @property
    def fuse(self) -> Path:
        return self.served.data_dir / "fuse"

    def start(self) -> None:
        self.served.start(program=[sys.executable, "-m", "tests.real.killable", str(self.fuse)])
        self.served.wait_until_ready()
        self.client.close()
        self.client = self.served.client()

    def died(self) -> bool:
        assert self.served.process is not None
        return self.served.process.poll() is not None

    def passed(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return killable.passed_file(self.fuse).read_text().splitlines()
        return []

    def row(self, job_id: int) -> Row | None:
        found = [row for row in self.client.list_jobs(limit=100)["jobs"] if row["job_id"] == job_id]
        return found[0] if found else None

    def goal(self, job_id: int) -> str:
        """What the controller has yet to see to, also of a job that is no longer listed."""
        file = (self.served.data_dir / "penstock.db").as_uri()
        with contextlib.closing(sqlite3.connect(f"{file}?mode=ro", uri=True)) as rows:
            [[goal]] = rows.execute("SELECT goal FROM jobs WHERE id = ?", [job_id])
        return str(goal)

    def alive_in_flink(self, name: str) -> list[str]:
        rows = httpx.get(f"{self.served.flink_url}/jobs/overview", trust_env=False).json()["jobs"]
        ended = ("FINISHED", "FAILED", "CANCELED")
        return [row["jid"] for row in rows if row["name"] == name and row["state"] not in ended]


@pytest.fixture(scope="module")
def service(served: Served) -> Iterator[Killable]:
    plant = Killable(served, served.client())
    served.stop()
    plant.start()
    yield plant
    plant.client.close()
    plant.fuse.unlink(missing_ok=True)
    if not plant.died():
        served.stop()
    served.start()
    served.wait_until_ready()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_comes_to_its_end_wherever_the_service_is_killed(
    service: Killable, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    points = dict.fromkeys(_carry_out(service, OPERATIONS[name], f"{name}_unharmed", deadly=""))
    killed = []
    for number, point in enumerate(points, 1):
        passed = _carry_out(service, OPERATIONS[name], f"{name}_{number}", deadly=point)
        killed += [point] if passed[-1] == point else []
    with capsys.disabled():
        print(*(f"\n  {name}: killed {point}" for point in killed))
    assert {point.partition(":")[0] for point in killed} == {f"{when} {what}" for when in WHEN for what in WHAT}
    assert len(killed) >= 8


def _carry_out(service: Killable, operation: Operation, name: str, *, deadly: str) -> list[str]:
    """Call, let the service die at a point, start it again, and see to the end of it; gives the points passed."""
    job_id = service.client.create_sql_job(name=name, sql_body=SQL, checkpoint_enabled=True, checkpoint_interval=1)
    if operation.starts_running:
        service.client.run_jobs([job_id])
        wait_for(lambda: _in_status("job_running")(service.row(job_id)), name)
    killable.passed_file(service.fuse).unlink(missing_ok=True)
    service.fuse.write_text(deadly)
    was_accepted = _call(service, operation, job_id)
    wait_for(lambda: service.died() or _is_done(service, operation, job_id), f"the end of {name}")
    service.fuse.unlink()
    passed = service.passed()
    if service.died():
        service.start()
        if not was_accepted:  # then it may have been, or not: a user asks again
            with contextlib.suppress(ApiError):
                operation.call(service.client, job_id)
    _judge(service, operation, job_id, name)
    return passed


def _call(service: Killable, operation: Operation, job_id: int) -> bool:
    try:
        operation.call(service.client, job_id)
    except Unreachable:
        return False
    return True


def _is_done(service: Killable, operation: Operation, job_id: int) -> bool:
    with contextlib.suppress(Unreachable):
        return operation.is_done(service.row(job_id)) and service.goal(job_id) == (
            "run" if operation.lives else "rest"
        )
    return False


def _judge(service: Killable, operation: Operation, job_id: int, name: str) -> None:
    """The row says what was asked for, and Flink agrees: one job, or none."""
    wait_for(lambda: operation.is_done(service.row(job_id)), f"{name}: {service.row(job_id)}", 60)
    wait_for(lambda: len(service.alive_in_flink(name)) == operation.lives, f"Flink to agree on {name}", 60)
    row = service.row(job_id)
    if row is not None:
        assert row["restart_times"] == 0
    if row is not None and row["has_savepoint"]:
        place = service.served.data_dir / "buckets" / row["savepoint_path"].removeprefix("obs://")
        assert (place / "_metadata").is_file()
    if row is not None:
        service.client.delete_job(job_id)
    wait_for(
        lambda: service.goal(job_id) == "rest", f"the end of {name}", 60
    )  # it must not meet the next one's fuse
    assert service.alive_in_flink(name) == []
