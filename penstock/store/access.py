"""Projects, users and the access keys that tell who calls."""

import secrets
import string
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, Table, select

from penstock.domain.roles import Role
from penstock.store.schema import ACCESS_KEYS, MEMBERSHIPS, PROJECTS, USERS
from penstock.store.vault import Vault


@dataclass(frozen=True)
class Key:
    """An access key, its user, and what the user is in each project that it is a member of."""

    access_key: str
    secret: str = field(repr=False)
    user_id: str
    user_name: str
    project_id: str
    """The project that the key was made for; the one that `penstock env` prints."""
    roles: Mapping[str, Role]
    """By the id of the project."""


def create_key(tx: Connection, vault: Vault, *, project: str, user: str, now: int, role: Role = Role.ADMIN) -> Key:
    """Make an access key for a user in a project, both by name, and both made when there is none yet."""
    project_id = _id_of(tx, PROJECTS, project)
    user_id = _id_of(tx, USERS, user)
    member = {"user_id": user_id, "project_id": project_id}
    if not tx.execute(select(MEMBERSHIPS).filter_by(**member)).first():
        tx.execute(MEMBERSHIPS.insert().values(**member, role=role.value))
    access_key, secret = (
        _random(string.ascii_uppercase + string.digits, 20),
        _random(string.ascii_letters, 40),
    )
    tx.execute(
        ACCESS_KEYS.insert().values(
            id=access_key,
            secret=vault.encrypt(secret),
            user_id=user_id,
            project_id=project_id,
            created_at=now,
        )
    )
    return Key(access_key, secret, user_id, user, project_id, _roles_of(tx, user_id))


def find_key(tx: Connection, vault: Vault, access_key: str) -> Key | None:
    """Find an access key by its public half."""
    query = (
        select(ACCESS_KEYS, USERS.c.name.label("user_name"))
        .join(USERS, USERS.c.id == ACCESS_KEYS.c.user_id)
        .where(ACCESS_KEYS.c.id == access_key)
    )
    row = tx.execute(query).mappings().first()
    if row is None:
        return None
    secret = vault.decrypt(row["secret"])
    return Key(
        row["id"], secret, row["user_id"], row["user_name"], row["project_id"], _roles_of(tx, row["user_id"])
    )


def is_member(tx: Connection, user: str, project_id: str) -> bool:
    """Say whether a user, by name, is a member of a project."""
    member = select(MEMBERSHIPS.c.user_id).join(USERS, USERS.c.id == MEMBERSHIPS.c.user_id)
    return (
        tx.execute(member.where(USERS.c.name == user, MEMBERSHIPS.c.project_id == project_id)).first() is not None
    )


def first_key(tx: Connection, vault: Vault) -> Key | None:
    """Give the key of the first start, or None when there is no key at all."""
    oldest = select(ACCESS_KEYS.c.id).order_by(ACCESS_KEYS.c.created_at).limit(1)
    access_key = tx.execute(oldest).scalar()
    return find_key(tx, vault, access_key) if access_key else None


def first_project(tx: Connection) -> str | None:
    """Give the project of the first start, to whose members the service's own belongs."""
    query = select(ACCESS_KEYS.c.project_id).order_by(ACCESS_KEYS.c.created_at, ACCESS_KEYS.c.id)
    return tx.execute(query.limit(1)).scalar()


def _roles_of(tx: Connection, user_id: str) -> dict[str, Role]:
    query = select(MEMBERSHIPS.c.project_id, MEMBERSHIPS.c.role).where(MEMBERSHIPS.c.user_id == user_id)
    return {project_id: Role(role) for project_id, role in tx.execute(query)}


def _id_of(tx: Connection, table: Table, name: str) -> str:
    found: str | None = tx.execute(select(table.c.id).where(table.c.name == name)).scalar()
    if found is not None:
        return found
    made = uuid.uuid4().hex
    tx.execute(table.insert().values(id=made, name=name))
    return made


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
