"""`penstock projects` and `penstock users`, on the data directory."""

import sys
from collections import defaultdict

import typer

from penstock import service
from penstock.cli import access, tables
from penstock.cli.failure import fail
from penstock.settings import Settings
from penstock.store import access as stored_keys
from penstock.store import members, passwords, tokens

_PROJECTS: tables.Columns = {
    "name": "name",
    "project_id": "project_id",
    "created": lambda project: tables.time(project["create_time"]),
}
_USERS: tables.Columns = {
    "name": "name",
    "user_id": "user_id",
    "password": lambda user: "yes" if user["has_password"] else "",
    "is": lambda user: ", ".join(f"{role} of {project}" for project, role in user["roles"].items()),
}
_LONGEST_PASSWORD = 128


def create_project(settings: Settings, name: str) -> None:
    with access.opened(settings) as storage, storage.database.write() as tx:
        made = members.create_project(tx, name, service.now_ms())
    print(f"created project {name}, whose id is {made.id}")


def show_projects(settings: Settings, *, as_json: bool) -> None:
    with access.opened(settings) as storage, storage.database.read() as tx:
        found = members.projects(tx)
    rows = [{"name": each.name, "project_id": each.id, "create_time": each.created_at} for each in found]
    tables.show(rows, _PROJECTS, as_json=as_json)


def create_user(settings: Settings, name: str) -> None:
    with access.opened(settings) as storage, storage.database.write() as tx:
        members.create_user(tx, name)
    print(f"created user {name}")


def show_users(settings: Settings, *, as_json: bool) -> None:
    with access.opened(settings) as storage, storage.database.read() as tx:
        found = members.users(tx)
        roles: dict[str, dict[str, str]] = defaultdict(dict)
        for each in members.everywhere(tx):
            roles[each.user_id][each.project] = each.role.value
    rows = [
        {"name": each.name, "user_id": each.id, "has_password": each.password is not None, "roles": roles[each.id]}
        for each in found
    ]
    tables.show(rows, _USERS, as_json=as_json)


def set_password(settings: Settings, name: str) -> None:
    """Ask for a password, or read a line of standard input: an argument could be seen by others."""
    with access.opened(settings) as storage:
        with storage.database.read() as tx:
            user = members.find_user(tx, name)
        password = _asked()
        with storage.database.write() as tx:
            members.set_password(tx, user.id, passwords.hashed(password))
            tokens.revoke_all(tx, user.id)
    print(f"user {name} has a new password")


def disable_user(settings: Settings, name: str) -> None:
    with access.opened(settings) as storage, storage.database.write() as tx:
        user = members.find_user(tx, name)
        members.set_password(tx, user.id, None)
        tokens.revoke_all(tx, user.id)
        for key in stored_keys.issued(tx, user_id=user.id):
            stored_keys.disable(tx, key, service.now_ms())
    print(f"user {name} has no password, no tokens and no key in use any more")


def _asked() -> str:
    if sys.stdin.isatty():
        password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not 8 <= len(password) <= _LONGEST_PASSWORD:
        fail(f"a password must have 8 to {_LONGEST_PASSWORD} characters")
    return password
