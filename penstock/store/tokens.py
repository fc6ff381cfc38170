"""Tokens: what stands for a user for a day. Only their hashes are stored, and no secret can be made of these."""

import hashlib
import secrets
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from penstock.store.schema import PROJECTS, TOKENS, USERS

LIFE_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Token:
    sha256: str = field(repr=False)
    user_id: str
    user_name: str
    project_id: str | None
    """The project that it is good for; None: for none, only for what is asked before one is chosen."""
    project: str | None
    """The name of that."""
    method: str
    """What it was given for."""
    issued_at: int
    expires_at: int


def issue(tx: Connection, *, user_id: str, project_id: str | None, method: str, now: int) -> str:
    """Make a token, and give its text: nothing can do so again."""
    text = secrets.token_urlsafe(48)
    tx.execute(
        TOKENS.insert().values(
            sha256=_hash(text),
            user_id=user_id,
            project_id=project_id,
            method=method,
            issued_at=now,
            expires_at=now + LIFE_MS,
        )
    )
    return text


def find(tx: Connection, text: str) -> Token | None:
    """Find a token, an expired one too."""
    query = (
        select(
            TOKENS.c.sha256,
            TOKENS.c.user_id,
            USERS.c.name,
            TOKENS.c.project_id,
            PROJECTS.c.name,
            TOKENS.c.method,
            TOKENS.c.issued_at,
            TOKENS.c.expires_at,
        )
        .select_from(TOKENS)
        .join(USERS)
        .outerjoin(PROJECTS)
    )
    row = tx.execute(query.where(TOKENS.c.sha256 == _hash(text))).first()
    return Token(*row) if row else None


def revoke(tx: Connection, token: Token) -> None:
    tx.execute(TOKENS.delete().where(TOKENS.c.sha256 == token.sha256))


def revoke_all(tx: Connection, user_id: str) -> None:
    """Refuse all tokens of a user from now on."""
    tx.execute(TOKENS.delete().where(TOKENS.c.user_id == user_id))


def prune(tx: Connection, before: int) -> None:
    """Forget those that have expired before that."""
    tx.execute(TOKENS.delete().where(TOKENS.c.expires_at < before))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
