"""The call by which clients make sure of buckets; the storage map here names the buckets `state` and `penstock`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.domain.job import Goal, Run, Status
from tests import jars
from tests.flink.test_buckets import write_state
from tests.serving import Service


def authorize(service: Service, body: object) -> tuple[int, dict[str, Any]]:
    response = service.http.post(f"/v1.0/{service.key.project_id}/dli/obs-authorize", json=body)
    return response.status_code, response.json()


@pytest.mark.parametrize("buckets", [["state"], ["state", "penstock"], []])
def test_buckets_of_the_storage_map_can_be_used(service: Service, buckets: list[str]) -> None:
    assert authorize(service, {"obs_buckets": buckets}) == (
        200,
        {"message": "The buckets can be used.", "is_success": "true"},
    )


def test_a_bucket_that_the_storage_map_does_not_name_is_told(service: Service) -> None:
    assert authorize(service, {"obs_buckets": ["state", "other", "another"]}) == (
        400,
        {
            "error_code": "DLI.0002",
            "error_msg": "obs_buckets: the storage map does not name 'other', 'another'",
        },
    )


@pytest.mark.parametrize("body", [{}, {"obs_buckets": "state"}, {"obs_buckets": ["No"]}, {"obs_buckets": [1]}])
def test_what_is_no_list_of_buckets_is_refused(service: Service, body: object) -> None:
    status, answer = authorize(service, body)
    assert (status, answer["error_code"]) == (400, "DLI.0001")
    assert "obs_buckets" in answer["error_msg"]


OTHERS: dict[str, Callable[[Service, int, str], httpx.Response]] = {
    "authorize": lambda service, _, name: service.http.post(
        f"/v1.0/{service.key.project_id}/dli/obs-authorize", json={"obs_buckets": [name]}
    ),
    "create": lambda service, _, name: service.call("POST", "/sql-jobs", {"name": "a", "obs_bucket": name}),
    "create a jar job": lambda service, _, name: service.call(
        "POST", "/flink-jobs", {"name": "a", "checkpoint_path": f"obs://{name}/a/"}
    ),
    "update": lambda service, job, name: service.call("PUT", f"/sql-jobs/{job}", {"obs_bucket": name}),
    "savepoint": lambda service, job, name: service.call(
        "POST", f"/jobs/{job}/savepoint", {"action": "TRIGGER", "savepoint_path": f"{name}/a"}
    ),
    "import": lambda service, job, name: service.call(
        "POST", f"/jobs/{job}/import-savepoint", {"job_id": job, "savepoint_path": f"obs://{name}/a/"}
    ),
    "packages": lambda service, _, name: service.http.post(
        f"/v2.0/{service.key.project_id}/resources/jars", json={"paths": [f"obs://{name}/a.jar"]}
    ),
}


@pytest.mark.parametrize("ask", OTHERS.values(), ids=OTHERS)
def test_of_a_bucket_of_other_projects_is_told_what_is_told_of_none(
    service: Service, ask: Callable[[Service, int, str], httpx.Response], tmp_path: Path
) -> None:
    write_state(tmp_path / "data" / "buckets" / "theirs" / "a")
    jars.put(tmp_path / "data" / "buckets", "obs://theirs/a.jar", jars.jar_of({"a": "a"}))
    job_id = service.create()
    service.becomes(job_id, goal=Goal.RUN, status=Status.RUNNING, run=Run("c0ffee00" * 4, submit_at=0))
    theirs, none = (ask(service, job_id, name) for name in ("theirs", "nobody"))
    assert (theirs.status_code, theirs.text.replace("theirs", "nobody")) == (none.status_code, none.text)
    assert none.status_code == 400
    assert "nobody" in none.json()["error_msg"]


def test_a_job_whose_bucket_became_another_project_s_writes_no_savepoint_there(service: Service) -> None:
    job_id = service.create()
    config = replace(service.stored(job_id).config, bucket="theirs")
    service.becomes(
        job_id, goal=Goal.RUN, status=Status.RUNNING, run=Run("c0ffee00" * 4, submit_at=0), config=config
    )
    answer = service.call("POST", "/jobs/stop", {"job_ids": [job_id], "trigger_savepoint": True}).json()
    assert answer[0]["error_msg"] == "there is no bucket 'theirs': the storage map does not name it"
    assert service.call("POST", "/jobs/stop", {"job_ids": [job_id]}).status_code == 200
