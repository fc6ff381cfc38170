"""The JobManager is killed while jobs run: Flink comes back as a unit, and the jobs go on as their flags say."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.client import Client
from tests.real.conftest import Served, wait_for
from tests.real.test_job_config import delete_all
from tests.real.test_job_state import CHECKPOINTS, COPYING, FILES, copied
from tests.real.test_statuses import started

pytestmark = pytest.mark.flink


@dataclass
class Copying:
    """A job that copies the numbers from 1 on into files, each exactly once."""

    client: Client
    id: int
    folder: Path

    def show(self) -> dict[str, Any]:
        return self.client.show_job(self.id)

    def goes_on_without_gap_or_repeat(self) -> bool:
        before = len(copied(self.folder))
        wait_for(lambda: len(copied(self.folder)) > before + 40, "more numbers")
        rows = copied(self.folder)
        return rows == list(range(1, len(rows) + 1))


@dataclass
class Killed:
    """Two jobs that ran when the JobManager was killed, and the pids of that Flink."""

    served: Served
    pids: list[int]
    restarting: Copying
    plain: Copying


@pytest.fixture(scope="module")
def killed(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    with served.client("keys", "create", "--project", "recovery", "--user", "jo") as client:
        flags = {"restarting": {"restart_when_exception": True, "resume_checkpoint": True}, "plain": {}}
        restarting, plain = (copying(client, name, tmp_path_factory, **flags[name]) for name in flags)
        wait_for(lambda: min(len(copied(each.folder)) for each in (restarting, plain)) > 60, "some checkpoints")
        pids = served.flink_unit["pids"]
        os.kill(pids[0], signal.SIGKILL)  # the JobManager
        yield Killed(served, pids, restarting, plain)
        delete_all(client)


def copying(client: Client, name: str, folders: pytest.TempPathFactory, **flags: object) -> Copying:
    folder = folders.mktemp(name)
    sql = COPYING.format(files=FILES.format(path=folder.as_uri(), format="csv"))
    return Copying(client, started(client, name, sql, **CHECKPOINTS, **flags), folder)


def test_a_job_that_may_restart_goes_on_from_its_newest_checkpoint_and_never_leaves_running(killed: Killed) -> None:
    shown: list[dict[str, Any]] = []

    def is_restarted() -> bool:
        shown.append(killed.restarting.show())
        return bool(shown[-1]["restart_times"])

    wait_for(is_restarted, "the restart")
    assert killed.restarting.goes_on_without_gap_or_repeat()
    shown.append(killed.restarting.show())
    assert {job["status"] for job in shown} == {"job_running"}
    assert (shown[-1]["restart_times"], shown[-1]["status_desc"]) == (1, "")


def test_all_of_flink_is_started_anew(killed: Killed) -> None:
    killed.served.wait_until_ready()
    assert not set(killed.served.flink_unit["pids"]) & set(killed.pids)


def test_a_job_that_may_not_restart_ends_with_a_reason_and_a_run_goes_on_from_its_newest_checkpoint(
    killed: Killed,
) -> None:
    job = killed.plain
    wait_for(lambda: job.show()["status"] == "job_running_exception", "the end of the job")
    assert (job.show()["status_desc"], job.show()["restart_times"]) == ("its Flink cluster has died", 0)
    job.client.run_jobs([job.id], resume_savepoint=True)
    wait_for(lambda: job.show()["status"] == "job_running", "the job to run again")
    assert job.goes_on_without_gap_or_repeat()
