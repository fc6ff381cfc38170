"""The logs of jobs through the API."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.domain.job import Goal, Run, Status
from penstock.flink import job_logs
from tests.serving import Service

FIRST, SECOND = "c0ffee00" * 4, "deadbeef" * 4


@pytest.fixture
def folder(service: Service, tmp_path: Path) -> Path:
    return job_logs.folder(tmp_path / "data")


def ran(service: Service) -> int:
    """Make a job that had two runs."""
    job_id = service.create()
    for run_id in (FIRST, SECOND):
        service.becomes(job_id, goal=Goal.RUN, status=Status.RUNNING, run=Run(run_id, submit_at=0))
    return job_id


def put(folder: Path, run_id: str, name: str, text: str) -> None:
    (folder / run_id).mkdir(parents=True, exist_ok=True)
    (folder / run_id / name).write_text(text)


def get(service: Service, job_id: int, tail: str = "", **query: Any) -> httpx.Response:
    path = f"/penstock/v1/{service.key.project_id}/jobs/{job_id}/logs{tail}"
    return service.http.get(path, params=query or None)


def test_the_files_of_each_run_are_listed_the_last_run_first(service: Service, folder: Path) -> None:
    job_id = ran(service)
    put(folder, FIRST, "jobmanager.log", "one\n")
    put(folder, SECOND, "taskmanager-1.log", "two two\n")
    listed = get(service, job_id).json()["logs"]
    told = [(log["run_id"], log["name"], log["size"]) for log in listed]
    assert told == [(SECOND, "taskmanager-1.log", 8), (FIRST, "jobmanager.log", 4)]
    assert all(log["run_time"] > 0 and log["update_time"] > 0 for log in listed)


def test_a_file_is_read_on_from_a_byte(service: Service, folder: Path) -> None:
    job_id = ran(service)
    put(folder, SECOND, "jobmanager.log", "one\ntwo\nthree\n")
    answer = get(service, job_id, "/jobmanager.log", offset=4, limit=5)
    assert answer.json() == {
        "is_success": "true",
        "message": "",
        "run_id": SECOND,
        "name": "jobmanager.log",
        "offset": 4,
        "next_offset": 8,
        "size": 14,
        "content": "two\n",
    }


def test_of_the_newest_run_that_has_it_unless_one_is_named(service: Service, folder: Path) -> None:
    job_id = ran(service)
    put(folder, FIRST, "jobmanager.log", "one\n")
    assert get(service, job_id, "/jobmanager.log").json()["run_id"] == FIRST
    put(folder, SECOND, "jobmanager.log", "two\n")
    assert get(service, job_id, "/jobmanager.log").json()["content"] == "two\n"
    assert get(service, job_id, "/jobmanager.log", run_id=FIRST).json()["content"] == "one\n"


@pytest.mark.parametrize(
    ("tail", "query", "code"),
    [
        ("/taskmanager-1.log", {}, "DLI.0002"),
        ("/jobmanager.log", {"run_id": "0" * 32}, "DLI.0002"),
        ("/jobmanager.log", {"run_id": "../" + SECOND[3:]}, "DLI.0002"),
        ("/secret.key", {}, "DLI.0002"),
        ("/jobmanager.log", {"limit": 0}, "DLI.0001"),
        ("/jobmanager.log", {"limit": 1024 * 1024 + 1}, "DLI.0001"),
        ("/jobmanager.log", {"offset": "x"}, "DLI.0001"),
    ],
)
def test_what_is_not_there_is_refused(
    service: Service, folder: Path, tail: str, query: dict[str, Any], code: str
) -> None:
    job_id = ran(service)
    put(folder, SECOND, "jobmanager.log", "one\n")
    answer = get(service, job_id, tail, **query)
    assert (answer.status_code, answer.json().get("error_code")) == (400, code)


def test_another_project_has_no_such_job_and_another_job_no_such_run(service: Service, folder: Path) -> None:
    job_id, other = ran(service), service.create()
    put(folder, SECOND, "jobmanager.log", "one\n")
    assert get(service, other, "/jobmanager.log", run_id=SECOND).json()["error_code"] == "DLI.0002"
    key = service.new_key("stranger", "eve")
    with service.client(key) as http:
        path = f"/penstock/v1/{key.project_id}/jobs/{job_id}/logs"
        for tail in ("", "/jobmanager.log"):
            assert http.get(path + tail).json()["error_code"] == "DLI.16001"
