"""The members of a project: list, add, change, remove."""

import pytest

from penstock.domain.roles import Role
from penstock.store import members
from tests.server.test_auth import refused
from tests.serving import Service


def path(service: Service, user: str = "") -> str:
    return f"/penstock/v1/{service.key.project_id}/members{user and '/' + user}"


def roles(service: Service) -> dict[str, str]:
    return {each["user_name"]: each["role"] for each in service.http.get(path(service)).json()["members"]}


def test_members_are_listed_by_name_with_their_roles(service: Service) -> None:
    service.new_key("main", "ann", Role.READER)
    service.new_key("other", "li")
    listed = service.http.get(path(service)).json()
    assert (listed["is_success"], listed["message"]) == ("true", "")
    assert roles(service) == {"ann": "reader", "maria": "admin"}
    assert listed["members"][1]["user_id"] == service.key.user_id


def test_a_user_becomes_a_member_and_is_made_where_there_is_none(service: Service) -> None:
    li = service.new_key("other", "li")
    for user in ("li", "new one"):
        done = service.http.put(path(service, user), json={"role": "operator"})
        assert (done.status_code, done.json()["user_name"]) == (200, user)
    assert roles(service) == {"li": "operator", "maria": "admin", "new one": "operator"}
    with service.client(li) as http:
        assert http.get(service.path("/jobs")).status_code == 200


def test_a_member_takes_another_role_at_once(service: Service) -> None:
    ann = service.new_key("main", "ann", Role.READER)
    service.http.put(path(service, "ann"), json={"role": "admin"})
    with service.client(ann) as http:
        assert http.put(path(service, "maria"), json={"role": "reader"}).status_code == 200
    assert roles(service) == {"ann": "admin", "maria": "reader"}


def test_who_is_no_member_any_more_sees_nothing(service: Service) -> None:
    ann = service.new_key("main", "ann")
    assert service.http.delete(path(service, "ann")).status_code == 200
    with service.client(ann) as http:
        refused(http.get(service.path("/jobs")), 403, "APIGW.0302")


def test_the_last_admin_stays_one(service: Service) -> None:
    service.new_key("main", "ann", Role.OPERATOR)
    for tried in (
        service.http.delete(path(service, "maria")),
        service.http.put(path(service, "maria"), json={"role": "operator"}),
    ):
        assert "keeps its last admin" in refused(tried, 400, "DLI.0007")
    assert roles(service)["maria"] == "admin"
    service.http.put(path(service, "ann"), json={"role": "admin"})
    assert service.http.delete(path(service, "maria")).status_code == 200


def test_an_admin_of_another_project_does_not_count(service: Service) -> None:
    service.new_key("other", "li")
    refused(service.http.delete(path(service, "maria")), 400, "DLI.0007")


def test_who_is_not_there_cannot_be_removed(service: Service) -> None:
    service.new_key("other", "li")
    for user in ("li", "nobody"):
        refused(service.http.delete(path(service, user)), 400, "DLI.0002")


@pytest.mark.parametrize("name", ["%20", "%09x", "x" * 129, "%E2%80%AEx"])
def test_a_name_that_no_user_can_have_is_refused(service: Service, name: str) -> None:
    refused(service.http.put(path(service, name), json={"role": "reader"}), 400, "DLI.0001")
    with service.database.read() as tx:
        assert [user.name for user in members.users(tx)] == ["maria"]


def test_a_role_that_is_not_there_is_refused(service: Service) -> None:
    told = refused(service.http.put(path(service, "ann"), json={"role": "owner"}), 400, "DLI.0001")
    assert told == "role must be one of reader, operator, admin"
