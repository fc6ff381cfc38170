"""Projects, users and memberships."""

import threading
import uuid

import pytest

from penstock.domain.errors import AlreadyExists, Invalid, NotAllowed, NotFound
from penstock.domain.roles import Role
from penstock.store import members
from penstock.store.database import Database
from penstock.store.members import Member


def new_name() -> str:
    return f"name-{uuid.uuid4().hex}"


def test_a_name_is_taken_once(database: Database) -> None:
    name = new_name()
    with database.write() as tx:
        project, user = members.create_project(tx, name, 7), members.create_user(tx, name)
    with pytest.raises(AlreadyExists, match="a project named"), database.write() as tx:
        members.create_project(tx, name, 8)
    with pytest.raises(AlreadyExists, match="a user named"), database.write() as tx:
        members.create_user(tx, name)
    with database.read() as tx:
        assert members.find_project(tx, name) == project
        assert members.find_user(tx, name) == user
        assert members.user_called(tx, user_id=user.id) == user


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a/b", "a\nb", "a\N{RIGHT-TO-LEFT OVERRIDE}b"])
def test_a_name_that_cannot_be_shown_or_addressed_is_refused(database: Database, name: str) -> None:
    for create in (lambda: members.create_user(tx, name), lambda: members.create_project(tx, name, 1)):
        with pytest.raises(Invalid, match="printable"), database.write() as tx:
            create()


def test_a_password_is_stored_and_forgotten(database: Database) -> None:
    with database.write() as tx:
        user = members.create_user(tx, new_name())
        for password in ("hash", None):
            members.set_password(tx, user.id, password)
            assert members.find_user(tx, user.name).password == password


def test_members_are_known_by_project_and_by_user(database: Database) -> None:
    project, user, other = new_name(), new_name(), new_name()
    with database.write() as tx:
        project_id, user_id = members.join(tx, project=project, user=user, role=Role.ADMIN, now=1)
        assert members.join(tx, project=project, user=user, role=Role.READER, now=2) == (project_id, user_id)
        other_id, _ = members.join(tx, project=other, user=user, role=Role.READER, now=3)
        assert members.of_project(tx, project_id) == [Member(user, user_id, project, Role.ADMIN)]
        assert members.roles_of(tx, user_id) == {project_id: Role.ADMIN, other_id: Role.READER}
        assert {each.name for each in members.projects_of(tx, user_id)} == {project, other}
        assert {each.project for each in members.everywhere(tx) if each.user == user} == {project, other}


def test_a_project_without_an_admin_takes_any_member(database: Database) -> None:
    with database.write() as tx:
        project, user = members.create_project(tx, new_name(), 1), members.create_user(tx, new_name())
        members.put(tx, project.id, user.id, Role.READER)
        members.put(tx, project.id, user.id, Role.OPERATOR)
        members.remove(tx, project.id, user.id)
        with pytest.raises(NotFound):
            members.remove(tx, project.id, user.id)


def test_two_admins_who_remove_each_other_at_once_leave_one(database: Database) -> None:
    project = new_name()
    with database.write() as tx:
        joined = [members.join(tx, project=project, user=new_name(), role=Role.ADMIN, now=1) for _ in range(2)]
    gate, refused = threading.Barrier(2), []

    def remove(user_id: str) -> None:
        gate.wait()
        try:
            with database.write() as tx:
                members.remove(tx, joined[0][0], user_id)
        except NotAllowed:
            refused.append(user_id)

    threads = [threading.Thread(target=remove, args=(user_id,)) for _, user_id in joined]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with database.read() as tx:
        assert [member.user_id for member in members.of_project(tx, joined[0][0])] == refused
