"""Every status that a job can reach here, reached on real Flink and seen through the list."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from penstock.client import Client
from tests.real.conftest import Served, wait_for

pytestmark = pytest.mark.flink
covers = pytest.mark.covers

ENDLESS = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE sink (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT n FROM numbers;
"""
BOUNDED = ENDLESS.replace("'20'", "'20', 'number-of-rows' = '5'")
FAILING = """
CREATE TABLE numbers (n BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '20',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000'
);
CREATE TABLE sink (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT 100 / (40 - n) FROM numbers;
"""


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "statuses", "--user", "jo") as client:
        yield client
        left = [job["job_id"] for job in client.list_jobs(limit=100)["jobs"]]
        if left:
            client.delete_jobs(left)


def made(client: Client, name: str, sql: str, **fields: object) -> int:
    return client.create_sql_job(name=name, sql_body=sql, **fields)


def started(client: Client, name: str, sql: str = ENDLESS, **fields: object) -> int:
    job_id = made(client, name, sql, **fields)
    client.run_jobs([job_id])
    until(client, job_id, "job_running")
    return job_id


def until(client: Client, job_id: int, status: str) -> dict[str, Any]:
    """Wait until the list shows the job in the status, through the filter for it."""

    def look() -> dict[str, Any] | None:
        return next((job for job in client.list_jobs(status=status)["jobs"] if job["job_id"] == job_id), None)

    return wait_for(look, f"{status}; now {client.show_job(job_id)['status_desc']}", 90)


@covers("D1")
@covers("D4")
@covers("D9")
def test_a_job_is_drafted_submitted_run_and_stopped(client: Client) -> None:
    job_id = made(client, "simple", ENDLESS)
    assert until(client, job_id, "job_init")["start_time"] == 0
    client.run_jobs([job_id])
    running = until(client, job_id, "job_running")
    assert running["start_time"] >= running["create_time"]
    client.stop_jobs([job_id])
    stopped = until(client, job_id, "job_cancel_success")
    assert stopped["duration"] == client.list_jobs()["jobs"][0]["duration"] > 0


@covers("D14")
@covers("C9")
@covers("C10")
def test_a_bounded_job_finishes_and_its_duration_stands_still(client: Client) -> None:
    job_id = made(client, "bounded", BOUNDED)
    client.run_jobs([job_id])
    job = until(client, job_id, "job_finish")
    assert job["start_time"] > 0
    assert job["duration"] == client.list_jobs()["jobs"][0]["duration"]


@covers("D3")
@covers("C7")
def test_bad_sql_fails_the_submission_and_says_where(client: Client) -> None:
    job_id = made(
        client,
        "bad",
        "CREATE TABLE t (n BIGINT)\n  WITH ('connector' = 'datagen');\nINSERT INTO t\n  SELECT n FORM t;",
    )
    client.run_jobs([job_id])
    job = until(client, job_id, "job_submit_fail")
    assert job["status_desc"].startswith("line 4, column 17: "), job["status_desc"]
    assert "Exception" not in job["status_desc"]
    assert (job["start_time"], job["duration"]) == (0, 0)


@covers("D5")
def test_a_job_that_dies_while_running_shows_the_root_cause(client: Client) -> None:
    job_id = started(client, "failing", FAILING)
    job = until(client, job_id, "job_running_exception")
    assert job["status_desc"] == "ArithmeticException: / by zero"
    assert job["restart_times"] == 0


@covers("C25")
@covers("E25")
def test_a_job_that_may_restart_stays_running_until_its_hourly_limit(client: Client) -> None:
    restarting = {"restart_when_exception": True, "resume_max_num": 1}
    job_id = started(client, "restarting", FAILING.replace("40", "120"), **restarting)
    job = wait_for(lambda: job if (job := client.list_jobs()["jobs"][0])["restart_times"] else None, "a restart")
    assert (job["job_id"], job["status"], job["restart_times"]) == (job_id, "job_running", 1)
    job = until(client, job_id, "job_running_exception")
    assert (job["restart_times"], job["status_desc"]) == (1, "ArithmeticException: / by zero")


@covers("D11")
@covers("C13")
@covers("C26")
def test_a_savepoint_is_written_while_the_job_runs(served: Served, client: Client) -> None:
    job_id = started(client, "savepointed", checkpoint_enabled=True)
    client.trigger_savepoint(job_id, "obs://mine/here/")
    assert client.show_job(job_id)["status"] in ("job_savepointing", "job_running")
    job = wait_for(lambda: job if (job := client.show_job(job_id))["has_savepoint"] else None, "the savepoint")
    assert job["status"] == "job_running"
    address = job["savepoint_path"]
    assert address.startswith("obs://mine/here/savepoint-")
    assert (served.data_dir / "buckets" / address.removeprefix("obs://") / "_metadata").is_file()


@covers("D10")
def test_a_stop_whose_savepoint_fails_leaves_the_job_running_and_watched(served: Served, client: Client) -> None:
    job_id = started(client, "unstoppable", obs_bucket="broken")
    place = served.data_dir / "buckets" / "broken" / "jobs" / "savepoint"
    obstacle(place)
    client.stop_jobs([job_id], trigger_savepoint=True)
    failed = until(client, job_id, "job_cancel_fail")
    assert failed["status_desc"].startswith("not stopped, the savepoint failed: ")
    assert str(served.data_dir) not in failed["status_desc"]
    assert any(job["name"] == "unstoppable" and job["state"] == "RUNNING" for job in in_flink(served))
    client.stop_jobs([job_id])
    until(client, job_id, "job_cancel_success")


def obstacle(place: Path) -> None:
    """Put a file where Flink wants to make a folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()


@covers("A2")
@covers("C6")
def test_a_job_cancelled_behind_our_back_is_listed_as_what_it_is(served: Served, client: Client) -> None:
    job_id = started(client, "behind_our_back")
    (run,) = [job for job in in_flink(served) if job["name"] == "behind_our_back" and job["state"] == "RUNNING"]
    cancel_in_flink(served, run["jid"])
    job = until(client, job_id, "job_cancel_success")
    assert job["status_desc"] == "cancelled in Flink, not through this API"
    assert job_id not in [job["job_id"] for job in client.list_jobs(status="job_running")["jobs"]]


def test_a_running_job_is_deleted_at_once_and_gone_from_flink(served: Served, client: Client) -> None:
    job_id = started(client, "deleted")
    client.delete_job(job_id)
    assert client.list_jobs(name="deleted")["total_count"] == 0
    wait_for(
        lambda: all(job["state"] == "CANCELED" for job in in_flink(served) if job["name"] == "deleted"), "the end"
    )


@covers("D8")
def test_a_job_is_listed_as_canceling_until_flink_has_cancelled_it(served: Served, client: Client) -> None:
    job_id = started(client, "canceling")
    with suspended(served):
        client.stop_jobs([job_id])
        until(client, job_id, "job_canceling")
        assert client.list_jobs(status="job_running")["total_count"] == 0
    until(client, job_id, "job_cancel_success")
    assert client.list_jobs(status="job_canceling")["total_count"] == 0


@contextmanager
def suspended(served: Served) -> Iterator[None]:
    """Let no process of Flink do anything meanwhile."""
    processes = [psutil.Process(pid) for pid in served.flink_unit["pids"]]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@covers("E15")
def test_a_row_that_cannot_be_read_fails_the_job_whatever_the_strategy(client: Client, tmp_path: Path) -> None:
    source = f"'connector' = 'filesystem', 'path' = '{tmp_path.as_uri()}', 'source.monitor-interval' = '100 ms'"
    sql = ENDLESS.replace("'connector' = 'datagen', 'rows-per-second' = '20'", f"{source}, 'format' = 'csv'")
    jobs = [started(client, f"strict_{value}", sql, dirty_data_strategy=value) for value in ("0", "1")]
    (tmp_path / "rows.csv").write_text("1\nnot a number\n3\n")
    for job_id in jobs:
        assert "NumberFormatException" in until(client, job_id, "job_running_exception")["status_desc"]


@covers("E15")
def test_a_row_that_cannot_be_read_is_skipped_where_the_operator_has_said_so(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("1\nnot a number\n3\n")
    source = f"'connector' = 'filesystem', 'path' = '{tmp_path.as_uri()}', 'format' = 'csv'"
    sql = ENDLESS.replace("'connector' = 'datagen', 'rows-per-second' = '20'", source)
    served.stop()
    served.start("--dirty-data-strategy-applies")
    with served.client("keys", "create", "--project", "skipping", "--user", "jo") as client:
        job_id = made(client, "skipping", sql, dirty_data_strategy="0")
        client.run_jobs([job_id])
        until(client, job_id, "job_finish")
        [remark] = client.list_job_events(job_id, kind="remark")
        client.delete_jobs([job_id])
    assert remark["reason"].startswith("dirty_data_strategy 0: of what csv, json and protobuf cannot read")
    served.stop()
    served.start()


@covers("D2")
def test_a_job_that_finds_no_room_waits_and_says_for_what(client: Client) -> None:
    large, next_one = started(client, "large", parallel_number=7), made(client, "next", ENDLESS, parallel_number=2)
    client.run_jobs([next_one])
    reason = "waiting for room on queue 'default': needs 2 CUs and 2 slots, free are "
    wait_for(lambda: until(client, next_one, "job_submitting")["status_desc"].startswith(reason), reason)
    client.stop_jobs([large])
    until(client, next_one, "job_running")


def in_flink(served: Served) -> list[dict[str, Any]]:
    """Ask Flink itself, past Penstock."""
    jobs: list[dict[str, Any]] = httpx.get(f"{served.flink_url}/jobs/overview", trust_env=False).json()["jobs"]
    return jobs


def cancel_in_flink(served: Served, run_id: str) -> None:
    httpx.patch(f"{served.flink_url}/jobs/{run_id}?mode=cancel", trust_env=False).raise_for_status()
