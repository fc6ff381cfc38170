"""Tokens, and the caller's projects, as IAM gives them."""

import hashlib

import httpx
import pytest

from penstock.domain.roles import Role
from penstock.server import openapi
from penstock.server.app import OPERATIONS
from penstock.server.operation import Operation
from penstock.store import access, members, passwords, tokens
from penstock.store.access import Key
from tests.golangsdk import GoClient
from tests.server.test_auth import refused, signed_headers
from tests.serving import Service

PREAMBLE = "Incorrect IAM authentication information: "
DAY_MS = 24 * 3600 * 1000
PASSWORD = "correct horse"
HASHED = passwords.hashed(PASSWORD)


def give_password(service: Service) -> None:
    with service.database.write() as tx:
        members.set_password(tx, service.key.user_id, HASHED)


def sign_in(service: Service, identity: dict[str, object], scope: object = None) -> httpx.Response:
    body = {"auth": {"identity": identity, "scope": scope}}
    return service.anonymous.post("/v3/auth/tokens", json=body)


def with_password(password: str = PASSWORD, **user: object) -> dict[str, object]:
    named = user or {"name": "maria"}
    return {"methods": ["password"], "password": {"user": {**named, "password": password}}}


def with_key(key: Key, secret: str | None = None) -> dict[str, object]:
    halves = {"access": {"key": key.access_key}, "secret": {"key": secret or key.secret}}
    return {"methods": ["hw_ak_sk"], "hw_ak_sk": halves}


def token_of(service: Service, key: Key | None = None, project: str | None = "main") -> str:
    scope = {"project": {"name": project}} if project else None
    answer = sign_in(service, with_key(key or service.key), scope)
    assert answer.status_code == 201, answer.text
    return answer.headers["x-subject-token"]


def asked(
    service: Service, token: str, path: str | None = None, method: str = "GET", **more: str
) -> httpx.Response:
    return service.anonymous.request(method, path or service.path("/jobs"), headers={"X-Auth-Token": token, **more})


# --- getting one ---


@pytest.mark.parametrize("domain", [None, {"name": "an_account_of_the_cloud"}])
def test_a_password_brings_a_token_of_the_project_that_the_scope_names(service: Service, domain: object) -> None:
    give_password(service)
    answer = sign_in(service, with_password(name="maria", domain=domain), {"project": {"name": "main"}})
    assert answer.status_code == 201
    token = answer.json()["token"]
    home = {"id": "default", "name": "Default"}
    user = {"id": service.key.user_id, "name": "maria", "domain": home, "password_expires_at": ""}
    assert token == {
        "methods": ["password"],
        "user": user,
        "project": {"id": service.key.project_id, "name": "main", "domain": home},
        "roles": [{"id": "admin", "name": "admin"}],
        "catalog": [],
        "issued_at": token["issued_at"],
        "expires_at": token["expires_at"],
    }
    assert token["issued_at"][:10] < token["expires_at"][:10]
    assert asked(service, answer.headers["x-subject-token"]).status_code == 200


@pytest.mark.parametrize("by", ["id", "name"])
def test_the_halves_of_an_access_key_bring_one_too(service: Service, by: str) -> None:
    named = {"id": service.key.project_id, "name": "main"}[by]
    answer = sign_in(service, with_key(service.key), {"project": {by: named}})
    assert (answer.status_code, answer.json()["token"]["methods"]) == (201, ["hw_ak_sk"])
    assert asked(service, answer.headers["x-subject-token"]).status_code == 200


def test_a_user_is_found_by_its_id_too(service: Service) -> None:
    give_password(service)
    assert sign_in(service, with_password(id=service.key.user_id)).status_code == 201


@pytest.mark.parametrize("named", [{"name": "maria"}, {"name": "nobody"}, {"id": "nobody"}])
def test_a_wrong_password_and_an_unknown_user_are_refused_in_the_same_words(
    service: Service, named: dict[str, object]
) -> None:
    give_password(service)
    answer = sign_in(service, with_password("wrong", **named))
    assert refused(answer, 401, "APIGW.0301") == f"{PREAMBLE}the user name or password is wrong"


def test_a_user_without_a_password_cannot_sign_in_by_one(service: Service) -> None:
    refused(sign_in(service, with_password("")), 400, "DLI.0001")
    refused(sign_in(service, with_password("None")), 401, "APIGW.0301")


def test_a_wrong_secret_and_an_unknown_key_are_refused_in_the_same_words(service: Service) -> None:
    for identity in (with_key(service.key, "wrong"), with_key(Key("NOBODY", "x", "", "", "", {}))):
        answer = sign_in(service, identity)
        assert refused(answer, 401, "APIGW.0301") == f"{PREAMBLE}the access key or its secret is wrong"


def test_a_project_of_others_is_refused(service: Service) -> None:
    other = service.new_key("other", "li")
    for scope in ({"name": "other"}, {"id": other.project_id}, {"name": "nowhere"}):
        refused(sign_in(service, with_key(service.key), {"project": scope}), 403, "APIGW.0302")


@pytest.mark.parametrize(
    ("identity", "named"),
    [
        ({"methods": ["token"]}, "auth.identity.methods[0] must be one of hw_ak_sk, password"),
        ({"methods": ["password"]}, "auth.identity.password must be given"),
        ({"methods": []}, "auth.identity.methods must be a list"),
        ({"methods": ["password", "totp"]}, "auth.identity.methods must be a list"),
    ],
)
def test_a_method_that_is_not_there_is_named(service: Service, identity: dict[str, object], named: str) -> None:
    assert named in refused(sign_in(service, identity), 400, "DLI.0001")


# --- using one ---


def test_every_call_takes_a_token(service: Service) -> None:
    token = token_of(service)
    for called in OPERATIONS:
        if called.action is not None and not called.takes_stream:
            path = called.path.replace("{project_id}", service.key.project_id).replace("{", "").replace("}", "")
            makes_key = called.name in ("create_key", "rotate_key")
            assert (asked(service, token, path, called.method).status_code in (401, 403)) == makes_key, path
            assert asked(service, "x", path, called.method).status_code == 401, path


def test_bytes_are_uploaded_with_a_token_and_their_hash(service: Service) -> None:
    path = f"/penstock/v1/{service.key.project_id}/packages/rates.csv"
    head = {"X-Auth-Token": token_of(service), "X-Sdk-Content-Sha256": hashlib.sha256(b"a,1\n").hexdigest()}
    for content, status in ((b"a,1\n", 200), (b"a,2\n", 400)):
        assert service.anonymous.put(path, content=content, headers=head).status_code == status
    refused(service.anonymous.put(path, content=b"a,1\n", headers=head | {"X-Auth-Token": "x"}), 401, "APIGW.0301")


@pytest.mark.parametrize("called", OPERATIONS, ids=lambda each: each.name)
def test_the_contract_says_of_each_call_whether_it_needs_a_caller(service: Service, called: Operation) -> None:
    path = called.path.replace("{project_id}", service.key.project_id).replace("{", "").replace("}", "")
    hashed = {"X-Sdk-Content-Sha256": hashlib.sha256(b"").hexdigest()}
    is_refused = service.anonymous.request(called.method, path, headers=hashed).status_code == 401
    told = openapi.document([called])["paths"][called.path][called.method.lower()]["security"]
    assert told == ([{"signature": []}, {"token": []}] if is_refused else [])
    assert is_refused == (not called.is_open)


def test_a_token_is_good_for_no_project_but_its_own(service: Service) -> None:
    other = service.new_key("other", "maria")
    token = token_of(service)
    told = refused(asked(service, token, service.path("/jobs", other.project_id)), 403, "APIGW.0302")
    assert told == f"the token of user maria is not for project {other.project_id}"


@pytest.mark.parametrize("scope", [None, {"domain": {"name": "Default"}}])
def test_a_token_without_a_project_is_good_for_none(service: Service, scope: object) -> None:
    answer = sign_in(service, with_key(service.key), scope)
    assert answer.json()["token"]["domain"] == {"id": "default", "name": "Default"}
    assert "project" not in answer.json()["token"]
    token = answer.headers["x-subject-token"]
    refused(asked(service, token), 403, "APIGW.0302")
    assert asked(service, token, "/v3/projects").status_code == 200


def test_a_token_ends_after_a_day_and_says_when(service: Service) -> None:
    answer = sign_in(service, with_key(service.key), {"project": {"name": "main"}})
    token, until = answer.headers["x-subject-token"], answer.json()["token"]["expires_at"]
    service.clock.offset_ms = DAY_MS - 60_000
    assert asked(service, token).status_code == 200
    service.clock.offset_ms = DAY_MS
    told = refused(asked(service, token), 401, "APIGW.0301")
    assert told == f"{PREAMBLE}the token expired at {until[:19]}Z"


def test_the_role_that_counts_is_the_one_at_the_time_of_the_call(service: Service) -> None:
    service.new_key("main", "ann")
    token = token_of(service)
    with service.database.write() as tx:
        members.put(tx, service.key.project_id, service.key.user_id, Role.READER)
    assert asked(service, token).status_code == 200
    refused(asked(service, token, service.path("/jobs/run"), "POST"), 403, "APIGW.0302")
    with service.database.write() as tx:
        members.remove(tx, service.key.project_id, service.key.user_id)
    refused(asked(service, token), 403, "APIGW.0302")


def test_a_signature_goes_before_a_token(service: Service) -> None:
    path = service.path("/jobs")
    wrong = signed_headers(service, path) | {"Authorization": "SDK-HMAC-SHA256 Access=x"}
    refused(service.anonymous.get(path, headers={"X-Auth-Token": token_of(service), **wrong}), 401, "APIGW.0301")
    right = signed_headers(service, path)
    assert service.anonymous.get(path, headers={"X-Auth-Token": "x", **right}).status_code == 200


def test_only_the_hash_of_a_token_is_stored(service: Service) -> None:
    token = token_of(service)
    with service.database.read() as tx:
        assert tokens.find(tx, token) is not None
        rows = tx.exec_driver_sql("SELECT * FROM tokens").all()
    assert len(rows) == 1
    assert token not in str(rows)


# --- looking at one, and ending it ---


def test_a_token_is_shown_to_its_user(service: Service) -> None:
    token = token_of(service)
    shown = asked(service, token, "/v3/auth/tokens", **{"X-Subject-Token": token})
    assert (shown.status_code, shown.headers["x-subject-token"]) == (200, token)
    assert shown.json()["token"]["project"]["name"] == "main"


def test_a_revoked_token_is_refused_at_once(service: Service) -> None:
    token, other = token_of(service), token_of(service)
    revoked = asked(service, token, "/v3/auth/tokens", "DELETE", **{"X-Subject-Token": token})
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert refused(asked(service, token), 401, "APIGW.0301") == f"{PREAMBLE}the token is unknown, or was revoked"
    assert asked(service, other).status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_token_of_another_is_not_there(service: Service, method: str) -> None:
    of_li = token_of(service, service.new_key("other", "li"), "other")
    for subject in ({"X-Subject-Token": of_li}, {"X-Subject-Token": "x"}, {}):
        refused(asked(service, token_of(service), "/v3/auth/tokens", method, **subject), 404, "DLI.0023")
    assert asked(service, of_li, "/v3/auth/projects").status_code == 200


def test_disabling_a_key_ends_the_tokens_of_its_user(service: Service) -> None:
    token, of_li = token_of(service), token_of(service, service.new_key("main", "li"))
    with service.database.write() as tx:
        access.disable(tx, access.get_issued(tx, service.key.access_key), 1)
    refused(asked(service, token), 401, "APIGW.0301")
    refused(sign_in(service, with_key(service.key)), 401, "APIGW.0301")
    assert asked(service, of_li).status_code == 200


# --- projects and domains ---


@pytest.mark.parametrize("path", ["/v3/projects", "/v3/auth/projects"])
def test_the_callers_projects_are_listed(service: Service, path: str) -> None:
    region = service.new_key("cn-north-4", "maria")
    service.new_key("foreign", "li")
    found = service.http.get(path).json()
    assert [(each["id"], each["name"]) for each in found["projects"]] == [
        (region.project_id, "cn-north-4"),
        (service.key.project_id, "main"),
    ]
    assert {each["domain_id"] for each in found["projects"]} == {"default"}


@pytest.mark.parametrize("more", ["", "&domain_id=a_domain_of_the_cloud"])
def test_exactly_one_project_has_the_name_of_a_region(service: Service, more: str) -> None:
    service.new_key("cn-north-4", "maria")
    [found] = service.http.get(f"/v3/projects?name=cn-north-4{more}").json()["projects"]
    assert found["name"] == "cn-north-4"
    assert service.http.get("/v3/projects?name=cn-north").json()["projects"] == []


def test_terraforms_client_finds_project_and_domain_as_it_signs(service: Service, go: GoClient) -> None:
    go.project_id = ""
    [project] = go.call("GET", "v3/projects?name=main", headers={})["projects"]
    assert project["id"] == service.key.project_id
    [domain] = go.call("GET", "v3/auth/domains", headers={})["domains"]
    assert domain["id"] == "default"


def test_there_is_one_domain(service: Service) -> None:
    [domain] = service.http.get("/v3/auth/domains?name=any").json()["domains"]
    assert domain == {"id": "default", "name": "Default", "enabled": True, "description": ""}


@pytest.mark.parametrize("path", ["/v3/projects", "/v3/auth/projects", "/v3/auth/domains", "/v3/auth/tokens"])
def test_a_stranger_is_told_none_of_it(service: Service, path: str) -> None:
    refused(service.anonymous.get(path), 401, "APIGW.0301")
