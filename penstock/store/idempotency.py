"""What was answered to calls that name themselves by a key, so that one that comes again is not done again."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, exc, insert, select, update

from penstock.store.schema import IDEMPOTENCY_KEYS as KEYS

KEPT_MS = 24 * 3_600_000


@dataclass(frozen=True)
class Key:
    """A name that a user gives to a call in a project."""

    project_id: str
    user_id: str
    text: str

    @property
    def columns(self) -> dict[str, Any]:
        return {"project_id": self.project_id, "user_id": self.user_id, "key": self.text}


@dataclass(frozen=True)
class Kept:
    """A call, by its hash, and what was answered to it."""

    request: str
    status: int
    content: bytes


def take(tx: Connection, key: Key, request: str, now: int) -> Kept | None:
    """Take a key for the rest of the transaction, or give what it was taken for.

    Of several transactions that take it at once, all but one wait here for the end of that one.
    """
    tx.execute(delete(KEYS).filter_by(**key.columns).where(KEYS.c.created_at <= now - KEPT_MS))
    try:
        with tx.begin_nested():
            tx.execute(insert(KEYS).values(**key.columns, request=request, created_at=now))
    except exc.IntegrityError:
        row = tx.execute(select(KEYS).filter_by(**key.columns)).one()
        return Kept(row.request, row.status, row.content)
    return None


def keep(tx: Connection, key: Key, status: int, content: bytes) -> None:
    """Remember what is answered to the call that has taken the key."""
    tx.execute(update(KEYS).filter_by(**key.columns).values(status=status, content=content))


def give_back(tx: Connection, key: Key) -> None:
    """Let the key be taken again."""
    tx.execute(delete(KEYS).filter_by(**key.columns))


def prune(tx: Connection, now: int) -> None:
    """Forget the keys that may be taken again anyway."""
    tx.execute(delete(KEYS).where(KEYS.c.created_at <= now - KEPT_MS))
