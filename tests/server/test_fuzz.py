"""Whatever is sent, the answer is one of the API: never a server error, always JSON, both error keys."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.dli import jar_jobs, queues
from penstock.dli.sql_jobs import CreateBody
from penstock.domain.engine import Stranger
from penstock.store import orphans
from penstock.store import queues as stored_queues
from tests.serving import Service

ORPHAN = "f" * 32

bounded = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = (
    st.integers()
    | st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
)
likely = st.sampled_from(["true", "asc", "job_init", "a=b", "{}", "[]", "a=b\n", "2:x", "obs://x/../y", "9" * 25])
scalars = st.none() | st.booleans() | numbers | texts | likely
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
parameters = st.sampled_from(
    [
        "job_type", "status", "queue_name", "order", "limit", "name", "offset", "show_detail", "user_name", "tags",
        "root_job_id", "sys_enterprise_project_name", "cursor", "next",
    ]
)  # fmt: skip
fields = st.sampled_from(
    [
        *CreateBody.__struct_fields__,
        *jar_jobs.CreateBody.__struct_fields__,
        "job_ids",
        "action",
        "savepoint_path",
        "resume_savepoint",
    ]
)
bodies = st.dictionaries(fields, values, max_size=6)
queue_fields = st.sampled_from(queues.CreateBody.__struct_fields__)
hosts = texts | st.sampled_from(
    ["flink", "..", "xn--", "[::1]", "[v1.a]", "1.2.3.400", "u:p@flink", "%00", "f" * 64]
)
addresses = st.builds("{}://{}{}".format, st.sampled_from(["http", "https"]), hosts, texts)
own_settings = st.dictionaries(
    st.sampled_from(["isolation", "slots", "rest_url"]),
    values | addresses | st.sampled_from(["job", 2]),
    max_size=3,
)
places = (
    st.sampled_from(["penstock/a/", "obs://penstock/a/_metadata", "a/../../b", "obs://", "/etc", "x" * 3000])
    | texts
)
calls = st.sampled_from(
    [
        ("POST", "/sql-jobs"), ("PUT", "/sql-jobs/1"), ("PUT", "/sql-jobs/2"), ("POST", "/flink-jobs"),
        ("PUT", "/flink-jobs/2"), ("POST", "/jobs/run"), ("POST", "/jobs/stop"), ("POST", "/jobs/delete"),
        ("POST", "/jobs/1/savepoint"), ("POST", "/jobs/1/import-savepoint"),
    ]
)  # fmt: skip
elsewhere = st.sampled_from(
    [
        ("POST", "/v1.0/{}/queues"), ("PUT", "/v1.0/{}/queues/stream_b/action"),
        ("DELETE", "/v1.0/{}/queues/stream_b"),
        ("POST", "/penstock/v1/{}/queues/stream_b/forget"), ("POST", "/penstock/v1/{}/queues/stream_b/release"),
        ("POST", f"/penstock/v1/{{}}/orphans/{ORPHAN}/stop"),
        ("POST", f"/penstock/v1/{{}}/orphans/{ORPHAN}/adopt"),
    ]
)  # fmt: skip
about_packages = st.sampled_from(
    [
        ("POST", "/v2.0/{}/resources"), ("POST", "/v2.0/{}/resources/jars"), ("POST", "/v2.0/{}/resources/files"),
        ("PUT", "/v2.0/{}/resources/owner"),
    ]
)  # fmt: skip
package_fields = st.sampled_from(
    ["paths", "kind", "group", "is_async", "tags", "new_owner", "group_name", "resource_name"]
)
readings = st.sampled_from(
    [
        "/v1.0/{}/queues",
        "/penstock/v1/{}/events",
        "/penstock/v1/{}/jobs/1/events",
        "/penstock/v1/{}/jobs/1/exit",
        "/penstock/v1/{}/orphans",
    ]
)
filters = st.sampled_from(
    [
        "kind", "after", "limit", "job_id", "queue_type", "tags", "order", "page-size", "current-page", "offset",
        "with-priv",
    ]
)  # fmt: skip


def put_orphan(service: Service) -> None:
    with service.database.write() as tx:
        queue = stored_queues.find(tx, service.key.project_id, "default")
        orphans.put(tx, queue, [Stranger(ORPHAN, "by hand", "RUNNING", 1)], now=1)


def check(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    answer: Any = response.json()
    elements = answer if isinstance(answer, list) else [answer]
    if response.status_code >= 400:
        assert all(element["error_code"] and element["error_msg"] for element in elements)
    else:
        assert all(element["is_success"] in ("true", "false", True) for element in elements)
    assert "Traceback" not in response.text


@bounded
@given(query=st.lists(st.tuples(parameters | texts, texts | likely | numbers.map(str)), max_size=5))
def test_any_query(service: Service, query: list[tuple[str, str]]) -> None:
    check(service.http.get(service.path("/jobs"), params=query))


@bounded
@given(raw=st.binary(max_size=30).map(lambda raw: raw.replace(b"#", b"")))
def test_any_bytes_of_a_query(service: Service, raw: bytes) -> None:
    escaped = "".join(f"%{byte:02X}" if byte <= 0x20 or byte > 0x7E else chr(byte) for byte in raw)
    check(service.http.get(service.url + service.path("/jobs") + "?" + escaped))


@bounded
@given(call=calls, body=bodies)
def test_any_json_body(service: Service, call: tuple[str, str], body: dict[str, object]) -> None:
    service.call("POST", "/sql-jobs", {"name": "first"})
    service.call("POST", "/flink-jobs", {"name": "second"})
    content = json.dumps(body).encode()
    check(service.http.request(call[0], service.path(call[1]), content=content))


@bounded
@given(body=bodies)
def test_any_field_of_a_named_job(service: Service, body: dict[str, object]) -> None:
    check(service.call("POST", "/sql-jobs", {**body, "name": "first"}))
    check(service.call("POST", "/flink-jobs", {**body, "name": "second"}))
    check(service.call("GET", "/jobs", show_detail=True))


@bounded
@given(call=calls, body=st.binary(max_size=40))
def test_any_bytes_of_a_body(service: Service, call: tuple[str, str], body: bytes) -> None:
    check(service.http.request(call[0], service.path(call[1]), content=body))


@bounded
@given(path=readings, query=st.lists(st.tuples(filters, texts | likely | numbers.map(str)), max_size=5))
def test_any_query_about_queues_events_and_orphans(
    service: Service, path: str, query: list[tuple[str, str]]
) -> None:
    service.call("POST", "/sql-jobs", {"name": "first"})
    check(service.http.get(path.format(service.key.project_id), params=query))


@bounded
@given(call=elsewhere, body=st.dictionaries(queue_fields | fields, values, max_size=6) | st.binary(max_size=40))
def test_any_body_about_queues_and_orphans(
    service: Service, call: tuple[str, str], body: dict[str, object] | bytes
) -> None:
    put_orphan(service)
    path, content = call[1].format(service.key.project_id), body if isinstance(body, bytes) else json.dumps(body)
    check(service.http.request(call[0], path, content=content))


@bounded
@given(body=st.dictionaries(queue_fields, values, max_size=4), own=own_settings)
def test_any_field_of_a_named_queue(service: Service, body: dict[str, object], own: dict[str, object]) -> None:
    path = f"/v1.0/{service.key.project_id}/queues"
    given_body = {**body, "queue_name": "stream_b", "cu_count": 16, "penstock": own}
    check(service.http.post(path, content=json.dumps(given_body)))
    check(service.http.get(path, params={"queue_type": "all"}))
    service.http.delete(f"{path}/stream_b")


@bounded
@given(call=about_packages, body=st.dictionaries(package_fields, values | st.lists(places, max_size=2), max_size=4))
def test_any_body_about_packages(service: Service, call: tuple[str, str], body: dict[str, object]) -> None:
    response = service.http.request(call[0], call[1].format(service.key.project_id), content=json.dumps(body))
    assert response.status_code < 500, response.text
    assert "error_code" in response.json() or response.status_code < 300


@bounded
@given(place=places, id=st.just(1) | scalars)
def test_any_place_to_import_from(service: Service, place: str, id: object) -> None:
    service.call("POST", "/sql-jobs", {"name": "first"})
    check(service.call("POST", "/jobs/1/import-savepoint", {"job_id": id, "savepoint_path": place}))


@bounded
@given(body=st.dictionaries(st.sampled_from(["job_id", "name"]), scalars, max_size=2))
def test_any_adopter_of_an_orphan(service: Service, body: dict[str, object]) -> None:
    put_orphan(service)
    check(service.http.post(f"/penstock/v1/{service.key.project_id}/orphans/{ORPHAN}/adopt", json=body))


@bounded
@given(
    headers=st.dictionaries(
        st.sampled_from(["authorization", "x-sdk-date", "x-project-id", "x-sdk-content-sha256", "content-type"]),
        st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=40),
    )
)
def test_any_header(service: Service, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    response = service.anonymous.get(service.path("/jobs"), headers=raw)
    check(response)
    assert response.status_code == 401


@pytest.mark.parametrize(
    "tail", ["/jobs/%00", "/jobs/%F0%9F%92%A9", "/jobs/..%2F..", "/jobs/1;x=1", "/sql-jobs/%FF"]
)
def test_odd_paths(service: Service, tail: str) -> None:
    check(service.http.get(service.url + service.path(tail)))


@pytest.mark.parametrize("name", ["%00", "%F0%9F%92%A9", "..%2F..", "1;x=1", "%FF", "x" * 3000, "%25s", "'--"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1.0/{}/queues/{}"),
        ("DELETE", "/v1.0/{}/queues/{}"),
        ("POST", "/penstock/v1/{}/queues/{}/release"),
        ("POST", "/penstock/v1/{}/queues/{}/forget"),
        ("POST", "/penstock/v1/{}/orphans/{}/stop"),
        ("POST", "/penstock/v1/{}/orphans/{}/adopt"),
        ("GET", "/penstock/v1/{}/jobs/{}/events"),
        ("GET", "/penstock/v1/{}/jobs/{}/exit"),
    ],
)
def test_odd_names_of_queues_orphans_and_jobs(service: Service, method: str, path: str, name: str) -> None:
    check(service.http.request(method, service.url + path.format(service.key.project_id, name)))
