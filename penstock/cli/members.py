"""`penstock members`: list, add, remove."""

from penstock.cli import project, tables
from penstock.domain.roles import Role
from penstock.settings import Settings


def show_list(settings: Settings, name: str | None, *, as_json: bool) -> None:
    with project.opened(settings, name) as found:
        rows = found.list_members()
    tables.show(rows, {"user": "user_name", "role": "role"}, as_json=as_json)


def put(settings: Settings, name: str | None, user: str, role: Role) -> None:
    with project.opened(settings, name) as found:
        found.put_member(user, role.value)
    print(f"user {user} is {role} of the project now")


def remove(settings: Settings, name: str | None, user: str) -> None:
    with project.opened(settings, name) as found:
        found.remove_member(user)
    print(f"user {user} is not a member of the project any more")
