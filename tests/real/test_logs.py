"""The logs of jobs on real Flink: read through the API, copied to the bucket, each job's own lines only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.client import Client
from tests.real.conftest import Served, wait_for
from tests.real.test_job_config import delete_all
from tests.real.test_statuses import FAILING, made, started, until

pytestmark = pytest.mark.flink
covers = pytest.mark.covers
COPIED: dict[str, Any] = {"log_enabled": True, "obs_bucket": "diary"}
PRINTING = """
CREATE TABLE numbers (n BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '20',
  'fields.n.min' = '{millions}000000', 'fields.n.max' = '{millions}999999'
);
CREATE TABLE sink (n BIGINT) WITH ('connector' = 'print');
INSERT INTO sink SELECT n FROM numbers GROUP BY n;
"""


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "logs", "--user", "jo") as client:
        yield client
        delete_all(client)


def log_of(client: Client, job_id: int, name: str) -> str:
    return str(client.read_log(job_id, name, limit=1024 * 1024)["content"])


def copies(served: Served, job_id: int) -> dict[str, str]:
    """Read what was copied, without the ids of runs."""
    folder = served.data_dir / "buckets" / "diary" / "jobs" / "logs" / str(job_id)
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {place(file.relative_to(folder)): file.read_text() for file in files}


def place(file: Path) -> str:
    return f"application_/{file.name}" if file.parent.name.startswith("application_") else f"{file.parent}/.log"


@covers("E4")
@covers("E5")
def test_each_job_has_its_own_lines_and_its_bucket_has_them_too(served: Served, client: Client) -> None:
    ones = started(client, "ones", PRINTING.format(millions=111), **COPIED)
    twos = started(client, "twos", PRINTING.format(millions=222))
    for job_id, own in ((ones, "+I[111"), (twos, "+I[222")):
        wait_for(lambda job_id=job_id, own=own: own in log_of(client, job_id, "taskmanager-1.log"), "its rows")
        for name in ("jobmanager.log", "taskmanager-1.log"):
            assert str(served.data_dir) not in log_of(client, job_id, name)
    assert "+I[222" not in log_of(client, ones, "taskmanager-1.log")
    assert "switched from state CREATED to RUNNING" in log_of(client, ones, "jobmanager.log")
    wait_for(lambda: "+I[111" in copies(served, ones).get("application_/taskmanager-1.log", ""), "the copy")
    assert copies(served, ones).keys() == {"application_/jobmanager.log", "application_/taskmanager-1.log"}
    assert "+I[222" not in "".join(copies(served, ones).values())
    assert copies(served, twos) == {}


@covers("E4")
def test_of_a_failed_submission_there_is_all_that_was_said(served: Served, client: Client) -> None:
    job_id = made(client, "wrong", FAILING.replace("FROM numbers", "FROM nothing"), **COPIED)
    client.run_jobs([job_id])
    until(client, job_id, "job_submit_fail")
    told = log_of(client, job_id, "submit-client.log")
    assert "Object 'nothing' not found" in told
    assert "\tat org.apache.flink" in told
    wait_for(lambda: copies(served, job_id) == {"submit-client/.log": told}, "the copy")
