"""`penstock keys`: list, create, disable, enable, rotate, delete."""

from penstock import service
from penstock.cli import access, project, tables
from penstock.cli.failure import fail
from penstock.cli.project import Project, Row
from penstock.domain.roles import Role
from penstock.settings import Settings
from penstock.store import members

_COLUMNS: tables.Columns = {
    "key": "access_key",
    "user": "user_name",
    "created": lambda key: tables.time(key["create_time"]),
    "disabled": lambda key: tables.time(key["disable_time"]),
    "description": "description",
}


def show_list(settings: Settings, name: str | None, *, as_json: bool) -> None:
    with project.opened(settings, name) as found:
        rows = found.list_keys()
    tables.show(rows, _COLUMNS, as_json=as_json)


def join(settings: Settings, name: str, user: str | None, role: Role) -> None:
    """Make the project, the user and the membership, in the data directory, where they are missing."""
    if user is None:
        fail("--project needs --user")
    with access.opened(settings) as storage, storage.database.write() as tx:
        members.join(tx, project=name, user=user, role=role, now=service.now_ms())


def create(settings: Settings, name: str | None, user: str | None, description: str) -> None:
    """Make a key, and print it as exports."""
    with project.opened(settings, name) as found:
        _print(found, found.create_key(user, description))


def disable(settings: Settings, name: str | None, key: str) -> None:
    with project.opened(settings, name) as found:
        found.update_key(key, is_disabled=True)
    print(f"disabled key {key}, and ended the tokens of its user")


def enable(settings: Settings, name: str | None, key: str) -> None:
    with project.opened(settings, name) as found:
        found.update_key(key, is_disabled=False)
    print(f"enabled key {key}")


def rotate(settings: Settings, name: str | None, key: str) -> None:
    """Make a key in place of one, and print it as exports."""
    with project.opened(settings, name) as found:
        _print(found, found.rotate_key(key))


def delete(settings: Settings, name: str | None, key: str) -> None:
    with project.opened(settings, name) as found:
        found.delete_key(key)
    print(f"deleted key {key}")


def _print(found: Project, key: Row) -> None:
    access.print_exports(found.endpoint, key["access_key"], key["secret"], found.project_id)
