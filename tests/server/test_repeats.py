"""A call with an `Idempotency-Key` is done once, however often it comes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from penstock.domain.job import Goal, Status
from penstock.server.app import create_app
from penstock.store.database import open_database, sqlite_url
from tests import serving
from tests.serving import Service

DAY_MS = 24 * 3_600_000


def create(
    service: Service, name: str, key: str = "k-1", tail: str = "/sql-jobs", **fields: object
) -> httpx.Response:
    body = {"name": name, **fields}
    return service.http.post(service.path(tail), json=body, headers={"Idempotency-Key": key})


def told(response: httpx.Response) -> tuple[int, bytes]:
    return response.status_code, response.content


@pytest.mark.parametrize("tail", ["/sql-jobs", "/flink-jobs"])
def test_a_creation_that_comes_again_is_answered_as_the_first(service: Service, tail: str) -> None:
    first = create(service, "once", tail=tail)
    assert first.status_code == 200
    assert told(create(service, "once", tail=tail)) == told(first)
    assert service.names() == ["once"]


def test_so_it_is_by_another_process(service: Service, port: tuple[str, serving.Switch], tmp_path: Path) -> None:
    first = create(service, "once")
    other = open_database(sqlite_url(tmp_path / "data" / "penstock.db"))
    port[1].app = create_app(replace(service.context, database=other))
    assert told(create(service, "once")) == told(first)
    other.close()


def test_calls_with_one_key_at_the_same_time_are_done_once(service: Service) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(lambda _: told(create(service, "once")), range(16)))
    assert [status for status, _ in answers] == [200]
    assert service.names() == ["once"]


def test_a_run_that_comes_again_does_not_start_the_job_again(service: Service) -> None:
    job_id = service.create(sql_body="SELECT 1")

    def run(key: str) -> httpx.Response:
        body, headers = {"job_ids": [job_id, 999]}, {"Idempotency-Key": key}
        return service.http.post(service.path("/jobs/run"), json=body, headers=headers)

    first = run("r-1")
    assert [each["is_success"] for each in first.json()] == ["true", "false"]
    assert len(service.woken) == 1
    service.becomes(job_id, status=Status.FINISHED, goal=Goal.REST, run=None)
    assert told(run("r-1")) == told(first)
    assert service.stored(job_id).goal is Goal.REST
    run("r-2")
    assert service.stored(job_id).goal is Goal.RUN


def test_a_refusal_is_answered_again_too(service: Service) -> None:
    taken = service.create(name="once")
    first = create(service, "once")
    assert (first.status_code, first.json()["error_code"]) == (400, "DLI.0006")
    service.call("DELETE", f"/jobs/{taken}")
    assert told(create(service, "once")) == told(first)


def test_another_request_cannot_have_the_key(service: Service) -> None:
    create(service, "once")
    refused = create(service, "another")
    assert (refused.status_code, refused.json()) == (
        400,
        {
            "error_code": "DLI.0001",
            "error_msg": "Idempotency-Key: another request had this key within the last 24 hours; take a new one",
        },
    )
    assert service.names() == ["once"]


def test_a_key_can_be_taken_again_after_a_day(service: Service) -> None:
    create(service, "once")
    with service.database.write() as tx:
        tx.exec_driver_sql("UPDATE idempotency_keys SET created_at = created_at - ?", (DAY_MS,))
    assert create(service, "another").status_code == 200


def test_every_user_and_every_project_has_keys_of_its_own(service: Service) -> None:
    others = [service.new_key("main", "ann"), service.new_key("other", "ann")]
    assert create(service, "first").status_code == 200
    for number, key in enumerate(others):
        with service.client(key) as http:
            path = service.path("/sql-jobs", key.project_id)
            made = http.post(path, json={"name": f"of-{number}"}, headers={"Idempotency-Key": "k-1"})
        assert made.status_code == 200, made.text


def test_an_unexpected_error_is_not_kept(service: Service, port: tuple[str, serving.Switch]) -> None:
    def broken(_project: str, _name: str) -> bool:
        raise RuntimeError("no disk")

    working = port[1].app
    port[1].app = create_app(replace(service.context, knows_bucket=broken))
    assert create(service, "once", obs_bucket="penstock").status_code == 500
    port[1].app = working
    assert create(service, "once", obs_bucket="penstock").status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "ä", "k" * 256])
def test_a_key_that_is_none_is_refused(service: Service, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    refused = service.http.post(service.path("/sql-jobs"), json={"name": "a"}, headers=headers)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "DLI.0001")
    assert service.names() == []
