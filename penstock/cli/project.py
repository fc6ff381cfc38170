"""The members and keys of a project: in the data directory, or by the API of a service."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from penstock import service
from penstock.cli import access, connection
from penstock.domain.roles import Role
from penstock.service import Storage
from penstock.settings import Settings
from penstock.store import access as stored_keys
from penstock.store import members
from penstock.store.access import Key

Row = dict[str, Any]


class Project(Protocol):
    """As the client of the API has it."""

    @property
    def endpoint(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    def list_members(self) -> list[Row]: ...
    def put_member(self, user: str, role: str) -> None: ...
    def remove_member(self, user: str) -> None: ...
    def list_keys(self) -> list[Row]: ...
    def create_key(self, user: str | None, description: str) -> Row: ...
    def update_key(self, access_key: str, *, is_disabled: bool) -> None: ...
    def rotate_key(self, access_key: str) -> Row: ...
    def delete_key(self, access_key: str) -> None: ...


@contextmanager
def opened(settings: Settings, name: str | None) -> Iterator[Project]:
    """Give the project of that name in the data directory, or the one that the environment names."""
    if name is None:
        with connection.opened() as client:
            yield client
        return
    with access.opened(settings) as storage:
        with storage.database.read() as tx:
            found = members.find_project(tx, name)
        yield OnDisk(storage, access.endpoint(settings), found.id)


@dataclass(frozen=True)
class OnDisk:
    """What the operator does: whoever may read the data directory may do all of it."""

    storage: Storage
    endpoint: str
    project_id: str

    def list_members(self) -> list[Row]:
        with self.storage.database.read() as tx:
            found = members.of_project(tx, self.project_id)
        return [{"user_id": each.user_id, "user_name": each.user, "role": each.role.value} for each in found]

    def put_member(self, user: str, role: str) -> None:
        with self.storage.database.write() as tx:
            members.put_named(tx, self.project_id, user, Role(role))

    def remove_member(self, user: str) -> None:
        with self.storage.database.write() as tx:
            members.remove(tx, self.project_id, members.find_user(tx, user).id)

    def list_keys(self) -> list[Row]:
        with self.storage.database.read() as tx:
            found = stored_keys.issued(tx, self.project_id)
        return [
            {
                "access_key": each.access_key,
                "user_name": each.user_name,
                "description": each.description,
                "create_time": each.created_at,
                "disable_time": each.disabled_at,
            }
            for each in found
        ]

    def create_key(self, user: str | None, description: str) -> Row:
        with self.storage.database.write() as tx:
            found = members.find_user(tx, user or "")
            return _row(
                stored_keys.add_key(
                    tx,
                    self.storage.vault,
                    project_id=self.project_id,
                    user_id=found.id,
                    now=service.now_ms(),
                    description=description,
                )
            )

    def update_key(self, access_key: str, *, is_disabled: bool) -> None:
        with self.storage.database.write() as tx:
            key = stored_keys.get_issued(tx, access_key, self.project_id)
            if is_disabled:
                stored_keys.disable(tx, key, service.now_ms())
            else:
                stored_keys.enable(tx, key)

    def rotate_key(self, access_key: str) -> Row:
        with self.storage.database.write() as tx:
            key = stored_keys.get_issued(tx, access_key, self.project_id)
            return _row(stored_keys.rotate(tx, self.storage.vault, key, service.now_ms()))

    def delete_key(self, access_key: str) -> None:
        with self.storage.database.write() as tx:
            stored_keys.delete(tx, stored_keys.get_issued(tx, access_key, self.project_id))


def _row(key: Key) -> Row:
    return {"access_key": key.access_key, "secret": key.secret, "user_name": key.user_name}
