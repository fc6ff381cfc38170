"""The access keys that tell who calls."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, Update, select, update

from penstock.domain.errors import NotFound
from penstock.domain.roles import Role
from penstock.store import members, tokens
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
    disabled_at: int | None = None


@dataclass(frozen=True)
class Issued:
    """An access key as a list shows it: without its secret."""

    access_key: str
    user_id: str
    user_name: str
    project_id: str
    project: str
    description: str
    created_at: int
    disabled_at: int | None


def create_key(tx: Connection, vault: Vault, *, project: str, user: str, now: int, role: Role = Role.ADMIN) -> Key:
    """Make an access key for a user in a project, both by name, and both made when there is none yet."""
    project_id, user_id = members.join(tx, project=project, user=user, role=role, now=now)
    return add_key(tx, vault, project_id=project_id, user_id=user_id, now=now)


def add_key(tx: Connection, vault: Vault, *, project_id: str, user_id: str, now: int, description: str = "") -> Key:
    """Make an access key for a member of a project; its secret cannot be shown again."""
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
            description=description,
        )
    )
    made = find_key(tx, vault, access_key)
    assert made is not None
    return made


def find_key(tx: Connection, vault: Vault, access_key: str) -> Key | None:
    """Find an access key by its public half, a disabled one too."""
    query = (
        select(ACCESS_KEYS, USERS.c.name.label("user_name"))
        .join(USERS, USERS.c.id == ACCESS_KEYS.c.user_id)
        .where(ACCESS_KEYS.c.id == access_key)
    )
    row = tx.execute(query).mappings().first()
    if row is None:
        return None
    return Key(
        access_key=row["id"],
        secret=vault.decrypt(row["secret"]),
        user_id=row["user_id"],
        user_name=row["user_name"],
        project_id=row["project_id"],
        roles=members.roles_of(tx, row["user_id"]),
        disabled_at=row["disabled_at"],
    )


def is_member(tx: Connection, user: str, project_id: str) -> bool:
    """Say whether a user, by name, is a member of a project."""
    member = select(MEMBERSHIPS.c.user_id).join(USERS, USERS.c.id == MEMBERSHIPS.c.user_id)
    return (
        tx.execute(member.where(USERS.c.name == user, MEMBERSHIPS.c.project_id == project_id)).first() is not None
    )


def first_key(tx: Connection, vault: Vault) -> Key | None:
    """Give the oldest key in use of an admin of the first project: at first that of the first start."""
    first = select(PROJECTS.c.id).order_by(PROJECTS.c.created_at, PROJECTS.c.id).limit(1).scalar_subquery()
    in_use = select(ACCESS_KEYS.c.id).where(ACCESS_KEYS.c.disabled_at.is_(None), ACCESS_KEYS.c.project_id == first)
    of_admins = in_use.join(MEMBERSHIPS, MEMBERSHIPS.c.user_id == ACCESS_KEYS.c.user_id).where(
        MEMBERSHIPS.c.project_id == first, MEMBERSHIPS.c.role == Role.ADMIN.value
    )
    access_key = tx.execute(of_admins.order_by(ACCESS_KEYS.c.created_at, ACCESS_KEYS.c.id).limit(1)).scalar()
    return find_key(tx, vault, access_key) if access_key else None


def issued(tx: Connection, project_id: str | None = None, user_id: str | None = None) -> list[Issued]:
    """Give the keys that were made, the oldest first: those for a project, of a user, or all."""
    query = _issued()
    if project_id is not None:
        query = query.where(ACCESS_KEYS.c.project_id == project_id)
    if user_id is not None:
        query = query.where(ACCESS_KEYS.c.user_id == user_id)
    return [Issued(*row) for row in tx.execute(query.order_by(ACCESS_KEYS.c.created_at, ACCESS_KEYS.c.id))]


def get_issued(tx: Connection, access_key: str, project_id: str | None = None) -> Issued:
    """Find a key, one for a project where that is named; raises `NotFound`."""
    row = tx.execute(_issued().where(ACCESS_KEYS.c.id == access_key)).first()
    if row is None or project_id not in (None, row.project_id):
        raise NotFound(f"access key {access_key!r} does not exist")
    return Issued(*row)


def disable(tx: Connection, key: Issued, now: int) -> None:
    """Refuse a key from now on, and the tokens of its user, which it may have brought."""
    if key.disabled_at is None:
        tx.execute(_update(key).values(disabled_at=now))
        tokens.revoke_all(tx, key.user_id)


def enable(tx: Connection, key: Issued) -> None:
    tx.execute(_update(key).values(disabled_at=None))


def rotate(tx: Connection, vault: Vault, key: Issued, now: int) -> Key:
    """Make a key like this one, which is disabled."""
    disable(tx, key, now)
    return add_key(tx, vault, project_id=key.project_id, user_id=key.user_id, now=now, description=key.description)


def delete(tx: Connection, key: Issued) -> None:
    """Forget a key, and the tokens of its user, which it may have brought."""
    tx.execute(ACCESS_KEYS.delete().where(ACCESS_KEYS.c.id == key.access_key))
    tokens.revoke_all(tx, key.user_id)


def _update(key: Issued) -> Update:
    return update(ACCESS_KEYS).where(ACCESS_KEYS.c.id == key.access_key)


def _issued() -> Select[Any]:
    query = select(
        ACCESS_KEYS.c.id,
        ACCESS_KEYS.c.user_id,
        USERS.c.name.label("user_name"),
        ACCESS_KEYS.c.project_id,
        PROJECTS.c.name.label("project"),
        ACCESS_KEYS.c.description,
        ACCESS_KEYS.c.created_at,
        ACCESS_KEYS.c.disabled_at,
    )
    return query.select_from(ACCESS_KEYS).join(USERS).join(PROJECTS)


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
