"""Savepoints and checkpoints on real Flink: imported, unfit, gone, left behind, and written while nobody looks."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.client import Client
from tests.real import killable
from tests.real.conftest import Served, wait_for
from tests.real.test_job_config import delete_all
from tests.real.test_job_state import CHECKPOINTS, COPYING, FILES, copied
from tests.real.test_statuses import ENDLESS, made, started, until

pytestmark = pytest.mark.flink
covers = pytest.mark.covers

AFTER_THE_STOP = "after act: StopWithSavepoint"
"""The fault point at which Flink has just been asked to stop with a savepoint."""


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "savepoints", "--user", "jo") as client:
        yield client
        delete_all(client)


def copying(folder: Path) -> str:
    return COPYING.format(files=FILES.format(path=folder.as_uri(), format="csv"))


def saved(client: Client, sql: str, **fields: object) -> str:
    """Run a job for a moment, and give the savepoint that it was stopped with."""
    job_id = started(client, "saved", sql, **fields)
    client.stop_jobs([job_id], trigger_savepoint=True)
    path = until(client, job_id, "job_cancel_success")["savepoint_path"]
    assert path
    return str(path)


def place(served: Served, address: str) -> Path:
    return served.data_dir / "buckets" / address.removeprefix("obs://")


def rows_go_on(folder: Path) -> bool:
    before = len(copied(folder))
    wait_for(lambda: len(copied(folder)) > before + 40, "more numbers")
    rows = copied(folder)
    return rows == list(range(1, len(rows) + 1))


@covers("C13")
@covers("C26")
def test_a_job_that_starts_from_an_imported_savepoint_goes_on_where_it_was_taken(
    client: Client, tmp_path: Path
) -> None:
    sql = copying(tmp_path)
    path = saved(client, sql, **CHECKPOINTS)
    job_id = made(client, "imports", sql, **CHECKPOINTS)
    client.import_savepoint(job_id, path)
    assert client.show_job(job_id)["savepoint_path"] == path
    client.run_jobs([job_id], resume_savepoint=True)
    until(client, job_id, "job_running")
    assert rows_go_on(tmp_path)
    assert client.show_job(job_id)["has_savepoint"]


def test_a_job_whose_imported_savepoint_does_not_fit_fails_with_flinks_reason_and_can_still_run(
    client: Client, tmp_path: Path
) -> None:
    path = saved(client, copying(tmp_path), **CHECKPOINTS)
    job_id = made(client, "unfit", ENDLESS)
    client.import_savepoint(job_id, path)
    client.run_jobs([job_id], resume_savepoint=True)
    failed = until(client, job_id, "job_submit_fail")
    assert "Cannot map checkpoint/savepoint state" in failed["status_desc"]
    client.run_jobs([job_id])
    until(client, job_id, "job_running")


@covers("C13")
def test_a_job_whose_savepoint_is_gone_at_its_start_fails_and_has_none(served: Served, client: Client) -> None:
    path = saved(client, ENDLESS)
    job_id = made(client, "late", ENDLESS)
    client.import_savepoint(job_id, path)
    shutil.rmtree(place(served, path))
    client.run_jobs([job_id], resume_savepoint=True)
    failed = until(client, job_id, "job_submit_fail")
    assert failed["status_desc"] == f"there is no complete savepoint or checkpoint at {path}"
    assert (failed["has_savepoint"], failed["savepoint_path"]) == (False, None)


@covers("C13")
def test_a_savepoint_that_is_gone_leaves_the_list_and_a_resume_never_begins_from_nothing_in_silence(
    served: Served, client: Client
) -> None:
    path = saved(client, ENDLESS)
    job_id = made(client, "bereft", ENDLESS)
    client.import_savepoint(job_id, path)
    shutil.rmtree(place(served, path))
    wait_for(lambda: not client.show_job(job_id)["has_savepoint"], "the savepoint to leave the record")
    told = client.list_job_events(job_id, kind="remark")
    assert [event["reason"] for event in told] == [f"its savepoint is off the record: the files at {path} are gone"]
    client.run_jobs([job_id], resume_savepoint=True)
    until(client, job_id, "job_submit_fail")


def test_checkpoints_are_removed_once_the_next_run_has_one_of_its_own(
    served: Served, client: Client, tmp_path: Path
) -> None:
    job_id = started(client, "twice", copying(tmp_path), **CHECKPOINTS)
    wait_for(lambda: len(copied(tmp_path)) > 40, "some checkpoints")
    client.stop_jobs([job_id])
    until(client, job_id, "job_cancel_success")
    home = place(served, f"obs://penstock/jobs/checkpoint/{job_id}")
    [first] = home.iterdir()
    client.run_jobs([job_id], resume_savepoint=True)
    until(client, job_id, "job_running")
    wait_for(lambda: not first.exists(), "the checkpoints of the first run to go")
    [second] = home.iterdir()
    assert list(second.glob("chk-*"))
    assert rows_go_on(tmp_path)
    client.stop_jobs([job_id])
    until(client, job_id, "job_cancel_success")
    client.run_jobs([job_id], resume_savepoint=True)
    until(client, job_id, "job_running")
    assert rows_go_on(tmp_path)


@pytest.fixture
def killable_service(served: Served) -> Iterator[Path]:
    """The service with a fuse in it; the file is the fuse."""
    fuse = served.data_dir / "fuse"
    served.stop()
    served.start(program=[sys.executable, "-m", "tests.real.killable", str(fuse)])
    served.wait_until_ready()
    yield fuse
    fuse.unlink(missing_ok=True)


def test_a_stop_with_savepoint_that_flink_ends_just_before_it_dies_itself_is_known_after_a_restart(
    served: Served, killable_service: Path
) -> None:
    with served.client() as client:
        job_id = started(client, "unseen")
        run = flink_job(served, "unseen")
        killable_service.write_text(AFTER_THE_STOP)
        client.stop_jobs([job_id], trigger_savepoint=True)
    assert served.process is not None
    served.process.wait(60)
    assert killable.passed_file(killable_service).read_text().splitlines()[-1] == AFTER_THE_STOP
    wait_for(lambda: flink_job(served, "unseen") == run | {"state": "FINISHED"}, "Flink to end the job")
    for pid in served.flink_unit["pids"]:
        os.kill(pid, signal.SIGKILL)
    served.start()
    served.wait_until_ready()
    with served.client() as client:
        stopped = until(client, job_id, "job_cancel_success")
        assert stopped["has_savepoint"]
        assert (place(served, stopped["savepoint_path"]) / "_metadata").exists()
        client.run_jobs([job_id], resume_savepoint=True)
        until(client, job_id, "job_running")
        delete_all(client)


def flink_job(served: Served, name: str) -> dict[str, Any]:
    rows = httpx.get(f"{served.flink_url}/jobs/overview", trust_env=False).json()["jobs"]
    [found] = [{"jid": row["jid"], "state": row["state"]} for row in rows if row["name"] == name]
    return found
