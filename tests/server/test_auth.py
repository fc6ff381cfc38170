"""Who gets in: the key, the clock, the body and the project of a call."""

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import signing
from penstock.client import Signature
from tests.serving import Service

covers = pytest.mark.covers


def refused(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status
    assert response.json()["error_code"] == code
    return str(response.json()["error_msg"])


def signed_headers(service: Service, target: str, **headers: str) -> dict[str, str]:
    message = signing.Message("GET", target.encode(), [(k.encode(), v.encode()) for k, v in headers.items()])
    return signing.sign(message, service.key.access_key, service.key.secret, service.clock())


@covers("B8")
def test_a_call_without_a_signature_is_told_what_is_missing(service: Service) -> None:
    response = service.anonymous.get(service.path("/jobs"))
    assert refused(response, 401, "APIGW.0301") == (
        "Incorrect IAM authentication information: the request must carry one Authorization header"
    )
    assert response.json()["request_id"] == response.headers["x-request-id"]


@covers("B8")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"access_key": "NOBODY"}, "the access key is unknown"),
        ({"secret": "wrong"}, "the signature does not match the request"),
    ],
)
def test_a_wrong_key_is_refused(service: Service, change: dict[str, str], reason: str) -> None:
    key = {"access_key": service.key.access_key, "secret": service.key.secret} | change
    message = signing.Message("GET", service.path("/jobs").encode(), [])
    headers = signing.sign(message, **key, now_ms=service.clock())
    response = service.anonymous.get(service.path("/jobs"), headers=headers)
    assert refused(response, 401, "APIGW.0301") == f"Incorrect IAM authentication information: {reason}"


@covers("B8")
@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_shifted_clock_is_refused(service: Service, minutes: int) -> None:
    service.clock.offset_ms = minutes * 60_000
    assert "15 minutes" in refused(service.call("GET", "/jobs"), 401, "APIGW.0301")


@covers("B8")
def test_a_changed_body_is_refused(service: Service) -> None:
    target = service.path("/jobs/run")
    message = signing.Message("POST", target.encode(), [], b'{"job_ids":[1]}')
    headers = signing.sign(message, service.key.access_key, service.key.secret, service.clock())
    response = service.anonymous.post(target, headers=headers, content=b'{"job_ids":[2]}')
    refused(response, 401, "APIGW.0301")


@covers("B8")
@covers("A0")
def test_a_foreign_project_is_refused(service: Service) -> None:
    other = service.new_key("other", "li")
    message = refused(service.http.get(service.path("/jobs", other.project_id)), 403, "APIGW.0302")
    assert message == f"user maria is not a member of project {other.project_id}"


def test_a_member_of_two_projects_may_use_either(service: Service) -> None:
    other = service.new_key("other", "maria")
    for project in (service.key.project_id, other.project_id):
        assert service.http.get(service.path("/jobs", project)).status_code == 200


def test_a_client_without_a_project_gets_a_hint(service: Service) -> None:
    message = refused(service.http.get("/v1.0/%7Bproject_id%7D/streaming/jobs"), 400, "DLI.0001")
    assert "give the client the project id" in message


@pytest.mark.parametrize(("named", "status"), [("same", 200), ("another", 400)])
def test_the_project_of_the_header_must_be_that_of_the_path(service: Service, named: str, status: int) -> None:
    project = service.key.project_id if named == "same" else named
    response = service.http.get(service.path("/jobs"), headers={"X-Project-Id": project})
    assert response.status_code == status


def test_neither_host_nor_project_header_need_be_signed(service: Service) -> None:
    target = service.path("/jobs?limit=1&offset=0")
    sent = {"accept": "application/json", "content-type": "application/json", "x-language": "en-us"}
    headers = {**sent, **signed_headers(service, target, **sent), "X-Project-Id": service.key.project_id}
    response = service.anonymous.get(target, headers=headers)
    assert response.status_code == 200


def test_a_header_in_another_script_can_be_signed(service: Service) -> None:
    target = service.path("/jobs")
    headers = signed_headers(service, target, **{"x-language": "漢字"})
    raw = {"x-language": "漢字".encode()} | {name: value.encode() for name, value in headers.items()}
    assert service.anonymous.get(target, headers=raw).status_code == 200
    raw["x-language"] = "漢".encode()
    assert service.anonymous.get(target, headers=raw).status_code == 401


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutated=st.sampled_from(["query", "body", "x-sdk-date", "content-type", "authorization"]), data=st.data())
def test_a_request_that_was_changed_on_its_way_is_answered_401(
    service: Service, mutated: str, data: st.DataObject
) -> None:
    junk = data.draw(st.text("aZ09-_.~", min_size=1, max_size=6))
    request = service.http.build_request("POST", service.path("/sql-jobs"), json={"name": "a"}, params={"a": "b"})
    signed = next(Signature(service.key.access_key, service.key.secret).auth_flow(request))
    url, content = signed.url, signed.content
    if mutated == "query":
        url = url.copy_add_param(junk, data.draw(st.text(max_size=4)))
    elif mutated == "body":
        content += junk.encode()
    else:
        signed.headers[mutated] += junk
    del signed.headers["content-length"]
    refused = service.anonymous.request("POST", url, content=content, headers=signed.headers)
    assert (refused.status_code, refused.json()["error_code"]) == (401, "APIGW.0301")
