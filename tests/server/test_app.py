"""The edge: what every answer carries, and what callers see of errors that are not theirs."""

import contextlib
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import unquote

import pytest

from penstock.domain.history import CONTROLLER
from penstock.server.app import create_app
from penstock.store import jobs
from tests.server import raw
from tests.serving import Service, Switch


def test_every_answer_carries_an_id_of_its_own(service: Service) -> None:
    answers = [service.call("GET", "/jobs"), service.call("GET", "/jobs/x"), service.http.get("/nowhere")]
    ids = {response.headers["x-request-id"] for response in answers}
    assert len(ids) == 3
    assert all(response.headers["content-type"] == "application/json" for response in answers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1.0/p/streaming/jobs/"),
        ("POST", "/v1/p/edgesrv/job-report"),
        ("PATCH", "/v1.0/p/streaming/jobs"),
        ("POST", "/healthz"),
        ("GET", "/healthz%0A"),
        ("GET", "/v2.0/p/resources/a%00b"),
        ("DELETE", "/v1.0/p/streaming/jobs/1/savepoint"),
    ],
)
def test_an_unknown_path_or_method_is_not_found(service: Service, method: str, path: str) -> None:
    response = service.http.request(method, path)
    assert (response.status_code, response.json()["error_code"]) == (404, "APIGW.0101")
    assert response.json()["error_msg"] == f"there is no {method} {unquote(path)}"


def test_a_body_over_the_limit_is_refused(service: Service, port: tuple[str, Switch]) -> None:
    port[1].app = create_app(replace(service.context, body_limit=1000))
    response = service.http.post(service.path("/sql-jobs"), content=b" " * 1001)
    assert (response.status_code, response.json()["error_code"]) == (413, "APIGW.0201")
    assert service.http.post(service.path("/sql-jobs"), content=b" " * 1000).status_code == 400


@pytest.mark.parametrize("tail", ["/jobs", "/jobs?name=" + "n" * 40_000])
def test_a_head_over_64_kib_is_refused(service: Service, tail: str) -> None:
    path = service.path(tail)
    response = service.http.get(path, headers={"X-Junk": "j" * (65_536 - len(path))})
    assert (response.status_code, response.json()["error_code"]) == (431, "APIGW.0201")
    assert (
        response.json()["error_msg"] == "the path, the query and the headers must be at most 65536 bytes together"
    )
    assert service.http.get(path, headers={"X-Junk": "j" * (64_000 - len(path))}).status_code in (200, 400)


def test_a_body_that_does_not_come_is_not_waited_for(service: Service, port: tuple[str, Switch]) -> None:
    port[1].app = create_app(replace(service.context, body_patience_s=0.2))
    head = f"POST {service.path('/sql-jobs')} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    answer = raw.exchange(service.url, head.encode() + b"half")
    assert (answer.status, answer.json["error_code"]) == (408, "APIGW.0201")
    assert answer.json["error_msg"] == "the body must arrive within 0.2 s"
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["connection"] == "close"


def test_the_limit_is_that_of_the_gateway(service: Service) -> None:
    assert service.context.body_limit == 12 * 1024 * 1024
    sql = "x" * 2**20
    assert service.show(service.create(sql_body=sql))["sql_body"] == sql


def test_a_database_that_fails_is_an_error_without_details(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with service.database.read() as tx:
        path = tx.exec_driver_sql("PRAGMA database_list").all()[0][2]
    with contextlib.closing(sqlite3.connect(path)) as vandal:
        vandal.execute("ALTER TABLE jobs RENAME TO lost")
    response = service.call("POST", "/sql-jobs", {"name": "secret-name", "sql_body": "password=hunter2"})
    assert response.status_code == 500
    request_id = response.headers["x-request-id"]
    assert response.json() == {
        "error_code": "DLI.0999",
        "error_msg": "The service met an unexpected error.",
        "request_id": request_id,
    }
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == f"request {request_id} failed at the database: no such table: jobs"
    assert "hunter2" not in caplog.text
    assert "hunter2" not in str(record.exc_info)


def test_an_error_of_our_own_is_logged_and_not_told(
    service: Service, port: tuple[str, Switch], caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("the controller is gone")

    port[1].app = create_app(replace(service.context, wake=broken))
    job_id = service.create()
    response = service.call("POST", "/jobs/run", {"job_ids": [job_id]})
    assert (response.status_code, response.json()[0]["error_code"]) == (500, "DLI.0999")
    assert "controller" not in response.text
    assert "the controller is gone" in caplog.text


def test_the_access_log_tells_the_path_and_no_secret(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "penstock.access")
    response = service.call("GET", "/jobs", name="hidden")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "penstock.access"]
    assert line.startswith(f"GET {service.path('/jobs')} 200 ")
    assert line.endswith(f"request {response.headers['x-request-id']}")
    for secret in ("hidden", service.key.access_key, service.key.secret):
        assert secret not in caplog.text


def test_a_write_waits_for_another_and_both_happen(service: Service) -> None:
    job_id = service.create()
    with ThreadPoolExecutor() as pool:
        with service.database.write() as tx:
            job = jobs.get(tx, service.key.project_id, job_id)
            update = pool.submit(service.call, "PUT", f"/sql-jobs/{job_id}", {"desc": "later"})
            with pytest.raises(TimeoutError):
                update.result(timeout=0.3)
            jobs.record(tx, job, replace(job, restart_count=7), service.clock(), CONTROLLER)
        assert update.result().status_code == 200
    shown = service.show(job_id)
    assert (shown["desc"], shown["restart_times"]) == ("later", 7)
