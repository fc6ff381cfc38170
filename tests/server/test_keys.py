"""The access keys of a project's members: list, make, disable, rotate, delete."""

from typing import Any

import httpx
import pytest

from penstock.domain.roles import Role
from penstock.store.access import Key
from tests.server.test_auth import refused
from tests.server.test_iam import asked, token_of
from tests.serving import Service


def path(service: Service, tail: str = "", project_id: str | None = None) -> str:
    return f"/penstock/v1/{project_id or service.key.project_id}/keys{tail}"


def listed(service: Service, key: Key) -> list[dict[str, Any]]:
    with service.client(key) as http:
        keys: list[dict[str, Any]] = http.get(path(service)).json()["keys"]
    return keys


def names(service: Service, key: Key) -> list[str]:
    return [each["user_name"] for each in listed(service, key)]


def of(made: httpx.Response, service: Service) -> Key:
    told = made.json()
    return Key(told["access_key"], told["secret"], "", told["user_name"], service.key.project_id, {})


def answers(service: Service, key: Key) -> int:
    with service.client(key) as http:
        return http.get(service.path("/jobs")).status_code


def test_an_admin_sees_the_keys_of_all_and_others_their_own(service: Service) -> None:
    ann, li = service.new_key("main", "ann", Role.READER), service.new_key("main", "li", Role.OPERATOR)
    service.new_key("other", "ann")
    assert names(service, service.key) == ["maria", "ann", "li"]
    assert (names(service, ann), names(service, li)) == (["ann"], ["li"])
    assert "secret" not in listed(service, ann)[0]


def test_a_member_makes_a_key_of_its_own_whose_secret_is_told_once(service: Service) -> None:
    ann = service.new_key("main", "ann", Role.READER)
    with service.client(ann) as http:
        made = http.post(path(service), json={"description": "of the laptop"})
    assert made.status_code == 200
    assert answers(service, of(made, service)) == 200
    own = listed(service, ann)[1]
    assert own == {
        "access_key": made.json()["access_key"],
        "user_name": "ann",
        "description": "of the laptop",
        "create_time": own["create_time"],
        "disable_time": None,
    }


def test_an_admin_makes_a_key_for_a_member(service: Service) -> None:
    service.http.put(f"/penstock/v1/{service.key.project_id}/members/ann", json={"role": "reader"})
    made = service.http.post(path(service), json={"user_name": "ann"})
    assert names(service, of(made, service)) == ["ann"]


def test_a_key_is_made_for_members_only(service: Service) -> None:
    service.new_key("other", "li")
    for user in ("li", "nobody"):
        refused(service.http.post(path(service), json={"user_name": user}), 400, "DLI.0002")


def test_nobody_but_an_admin_touches_the_keys_of_others(service: Service) -> None:
    ann = service.new_key("main", "ann", Role.OPERATOR)
    with service.client(ann) as http:
        tried = [
            http.post(path(service), json={"user_name": "maria"}),
            http.put(path(service, f"/{service.key.access_key}"), json={"is_disabled": True}),
            http.post(path(service, f"/{service.key.access_key}/rotate")),
            http.delete(path(service, f"/{service.key.access_key}")),
        ]
    for answer in tried:
        refused(answer, 403, "APIGW.0302")
    assert answers(service, service.key) == 200


def test_an_admin_gets_no_key_to_a_project_of_somebody_else(service: Service) -> None:
    ann = service.new_key("main", "ann", Role.READER)
    service.new_key("other", "ann")
    for tried in (
        service.http.post(path(service), json={"user_name": "ann"}),
        service.http.post(path(service, f"/{ann.access_key}/rotate")),
    ):
        assert "does not administer" in refused(tried, 403, "APIGW.0302")


def test_a_key_of_another_project_is_not_there(service: Service) -> None:
    other = service.new_key("other", "li")
    refused(service.http.delete(path(service, f"/{other.access_key}")), 400, "DLI.0002")


def test_a_disabled_key_is_refused_at_once_and_can_be_let_in_again(service: Service) -> None:
    ann = service.new_key("main", "ann")
    for is_disabled, wanted in ((True, 401), (True, 401), (False, 200)):
        done = service.http.put(path(service, f"/{ann.access_key}"), json={"is_disabled": is_disabled})
        assert (done.status_code, answers(service, ann)) == (200, wanted)
    service.http.put(path(service, f"/{ann.access_key}"), json={"is_disabled": True})
    with service.client(ann) as http:
        assert "the access key is disabled" in refused(http.get(service.path("/jobs")), 401, "APIGW.0301")
    assert isinstance(listed(service, service.key)[1]["disable_time"], int)


def test_a_rotated_key_gives_way_to_one_like_it(service: Service) -> None:
    old = of(service.http.post(path(service), json={"description": "of the laptop"}), service)
    new = of(service.http.post(path(service, f"/{old.access_key}/rotate")), service)
    assert (answers(service, old), answers(service, new)) == (401, 200)
    assert listed(service, new)[-1]["description"] == "of the laptop"


def test_a_deleted_key_is_unknown(service: Service) -> None:
    ann = service.new_key("main", "ann")
    assert service.http.delete(path(service, f"/{ann.access_key}")).status_code == 200
    assert answers(service, ann) == 401
    assert names(service, service.key) == ["maria"]


@pytest.mark.parametrize("tail", ["", "/{}/rotate"])
def test_a_token_makes_no_key_which_would_outlive_it(service: Service, tail: str) -> None:
    tried = asked(service, token_of(service), path(service, tail.format(service.key.access_key)), "POST")
    assert "outlives a token" in refused(tried, 403, "APIGW.0302")


def test_a_token_lets_no_disabled_key_in_again(service: Service) -> None:
    ann = service.new_key("main", "ann")
    place = path(service, f"/{ann.access_key}")
    assert service.http.put(place, json={"is_disabled": True}).status_code == 200
    tried = service.anonymous.put(place, json={"is_disabled": False}, headers={"X-Auth-Token": token_of(service)})
    assert "outlives a token" in refused(tried, 403, "APIGW.0302")
    assert answers(service, ann) == 401
