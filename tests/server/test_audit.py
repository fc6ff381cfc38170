"""What is written down of calls, and who may read it."""

from typing import Any

import pytest

from penstock.domain.roles import Role
from penstock.server.lockout import Quota
from penstock.store import audit
from penstock.store.audit import Entry
from tests.server.test_auth import refused, signed_headers
from tests.server.test_iam import asked, sign_in, token_of, with_key
from tests.serving import Service


def entries(service: Service) -> list[Entry]:
    with service.database.read() as tx:
        return audit.page(tx, None, None, 1000)


def last(service: Service) -> Entry:
    return entries(service)[-1]


def shown(service: Service, **query: object) -> list[dict[str, Any]]:
    answer = service.http.get(f"/penstock/v1/{service.key.project_id}/audit", params=query)
    assert answer.status_code == 200, answer.text
    told: list[dict[str, Any]] = answer.json()["audit"]
    return told


def test_a_change_is_written_down_with_who_what_where_and_outcome(service: Service) -> None:
    answer = service.call("POST", "/sql-jobs", {"name": "clicks"})
    job_id = answer.json()["job"]["job_id"]
    [entry] = entries(service)
    assert entry == Entry(
        at=entry.at,
        project_id=service.key.project_id,
        user_name="maria",
        credential=service.key.access_key,
        address="127.0.0.1",
        operation="create_sql_job",
        target=f"name=clicks queue_name=default job_id={job_id}",
        status=200,
        error_code="",
        request_id=answer.headers["x-request-id"],
        id=entry.id,
    )
    assert abs(entry.at - service.clock()) < 60_000


def test_reading_leaves_no_trace(service: Service) -> None:
    service.call("GET", "/jobs")
    service.http.get("/v3/projects")
    refused(service.http.get(service.path("/jobs", "foreign")), 403, "APIGW.0302")
    assert entries(service) == []


def test_the_jobs_of_a_batch_and_the_names_of_a_path_are_told(service: Service) -> None:
    service.call("POST", "/jobs/run", {"job_ids": [7, 8]})
    assert (last(service).target, last(service).status) == ("job_ids=7,8", 400)
    service.http.delete(f"/v1.0/{service.key.project_id}/queues/stream_a")
    assert last(service).target == "queue_name=stream_a"


def test_a_refusal_is_told_with_its_code(service: Service) -> None:
    service.call("POST", "/sql-jobs", {"name": ""})
    assert (last(service).status, last(service).error_code) == (400, "DLI.0001")
    reader = service.new_key("main", "ann", Role.READER)
    with service.client(reader) as http:
        http.post(service.path("/jobs/run"), json={"job_ids": [1]})
    told = last(service)
    assert (told.user_name, told.status, told.error_code) == ("ann", 403, "APIGW.0302")


def test_a_token_is_told_as_such_and_who_got_it_by_what(service: Service) -> None:
    token = token_of(service)
    assert (last(service).operation, last(service).credential) == ("create_token", service.key.access_key)
    asked(service, token, service.path("/jobs/run"), "POST")
    assert (last(service).operation, last(service).credential) == ("run_jobs", "token")
    assert token not in str(entries(service))


def test_a_secret_is_never_written_down(service: Service) -> None:
    made = service.http.post(f"/penstock/v1/{service.key.project_id}/keys", json={}).json()
    sign_in(service, with_key(service.key, "a wrong secret"))
    assert made["access_key"] in str(entries(service))
    assert made["secret"] not in str(entries(service))
    assert "a wrong secret" not in str(entries(service))


def test_who_could_not_prove_who_it_is_is_told_without_a_name(service: Service) -> None:
    headers = signed_headers(service, "/another/path")
    service.anonymous.get(service.path("/jobs"), headers=headers)
    told = last(service)
    assert (told.user_name, told.credential, told.operation) == ("", service.key.access_key, "list_jobs")
    assert (told.status, told.error_code, told.project_id) == (401, "APIGW.0301", service.key.project_id)


def test_of_refused_callers_only_so_many_an_hour_are_told(service: Service) -> None:
    for _ in range(120):
        service.anonymous.get(service.path("/jobs"))
    assert len(entries(service)) == 100
    service.create()
    assert len(entries(service)) == 101
    service.clock.offset_ms = 3600 * 1000
    service.anonymous.get(service.path("/jobs"))
    assert len(entries(service)) == 102


def test_a_call_is_answered_even_if_the_log_cannot_be_written(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with service.database.write() as tx:
        tx.exec_driver_sql("DROP TABLE audit")
    answer = service.call("POST", "/sql-jobs", {"name": "clicks"})
    assert answer.status_code == 200
    assert f"request {answer.headers['x-request-id']} failed at the database: no such table: audit" in caplog.text
    assert service.names() == ["clicks"]


def test_a_quota_is_one_an_hour_and_not_one_for_ever() -> None:
    quota = Quota(most=2)
    assert [quota.take(at) for at in (7_200_000, 7_200_001, 7_200_002, 10_800_000)] == [True, True, False, True]


@pytest.mark.parametrize("given", ["x" * 3000, "a%0Ab", "%E2%80%AEx", "%27%3B--"])
def test_what_a_stranger_types_stays_on_its_line_and_in_its_length(service: Service, given: str) -> None:
    service.anonymous.get(f"/v1.0/{given}/streaming/jobs/{given}")
    told = last(service)
    assert (told.project_id or "").isprintable()
    assert told.target.isprintable()
    assert len(told.project_id or "") <= 64
    assert len(told.target) <= 2000


def test_an_admin_reads_the_log_of_its_project_page_by_page(service: Service) -> None:
    for name in "abc":
        service.create(name=name)
    with service.client(service.new_key("other", "li")) as http:
        http.post("/v1.0/foreign/streaming/sql-jobs", json={"name": "d"})
    everything = shown(service)
    assert [each["target"].split()[0] for each in everything] == ["name=a", "name=b", "name=c"]
    assert [each["audit_id"] for each in shown(service, limit=2)] == [each["audit_id"] for each in everything[1:]]
    assert shown(service, after=everything[0]["audit_id"], limit=1) == everything[1:2]
    assert everything[0]["address"] == "127.0.0.1"
