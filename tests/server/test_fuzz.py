"""Whatever is sent, the answer is one of the API: never a server error, always JSON, both error keys."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.dli.sql_jobs import CreateBody
from tests.serving import Service

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
fields = st.sampled_from([*CreateBody.__struct_fields__, "job_ids", "action", "savepoint_path", "resume_savepoint"])
bodies = st.dictionaries(fields, values, max_size=6)
calls = st.sampled_from(
    [
        ("POST", "/sql-jobs"), ("PUT", "/sql-jobs/1"), ("PUT", "/sql-jobs/2"), ("POST", "/jobs/run"),
        ("POST", "/jobs/stop"), ("POST", "/jobs/delete"), ("POST", "/jobs/1/savepoint"),
    ]
)  # fmt: skip


def check(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    answer: Any = response.json()
    elements = answer if isinstance(answer, list) else [answer]
    if response.status_code >= 400:
        assert all(element["error_code"] and element["error_msg"] for element in elements)
    else:
        assert all(element["is_success"] in ("true", "false") for element in elements)
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
    content = json.dumps(body).encode()
    check(service.http.request(call[0], service.path(call[1]), content=content))


@bounded
@given(body=bodies)
def test_any_field_of_a_named_job(service: Service, body: dict[str, object]) -> None:
    check(service.call("POST", "/sql-jobs", {**body, "name": "first"}))
    check(service.call("GET", "/jobs", show_detail=True))


@bounded
@given(call=calls, body=st.binary(max_size=40))
def test_any_bytes_of_a_body(service: Service, call: tuple[str, str], body: bytes) -> None:
    check(service.http.request(call[0], service.path(call[1]), content=body))


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
