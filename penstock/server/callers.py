"""Who calls: by the signature of an access key, by a token, or, to get a token, by a password or a secret key."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from penstock import signing
from penstock.dli import encoding
from penstock.dli import iam as wire
from penstock.domain.errors import Unauthenticated
from penstock.domain.roles import Role
from penstock.server.operation import Context, Received
from penstock.server.trail import Trail
from penstock.store import access, members, passwords, tokens
from penstock.store.access import Key
from penstock.store.tokens import Token

_WRONG_PASSWORD = "the user name or password is wrong"  # noqa: S105
_WRONG_SECRET = "the access key or its secret is wrong"  # noqa: S105


@dataclass(frozen=True)
class Caller:
    """A user who has proven to be the one."""

    user_id: str
    user_name: str
    roles: Mapping[str, Role]
    """By the id of the project."""
    token: Token | None = None
    """What the caller has shown instead of a signature."""

    def is_outside(self, project_id: str) -> bool:
        """Say whether the project is one that the caller's token is not for."""
        return self.token is not None and self.token.project_id != project_id


def caller_of(context: Context, received: Received, trail: Trail) -> Caller:
    """Find out who has sent a request; a signature goes before a token. Raises `Unauthenticated`,
    `TooManyCalls`.
    """
    offered = received.message.values("x-auth-token")
    if offered and not any(received.message.values("authorization")):  # the SDK sends an empty one for none
        trail.credential = "token"
        caller = _of_token(context, offered)
    else:
        caller = _of_key(_signing_key(context, received, trail))
    # The audit log is not to grow by those who call too often: it does not know yet who they are.
    context.rates.count(f"{trail.credential} {caller.user_id}", context.now_ms())
    trail.user_name = caller.user_name
    return caller


def sign_in(context: Context, received: Received, trail: Trail) -> Caller:
    """Find out by its body who has sent a request for a token. Raises `Unauthenticated`, `Invalid`."""
    match encoding.read_body(received.message.body, wire.CreateTokenBody).auth.identity.proof:
        case wire.Password(user=user):
            trail.credential = "password"
            caller = _with_password(context, user, received.address)
        case wire.AccessKey() as offered:
            trail.credential = offered.access.key
            caller = _of_key(_with_secret(context, offered, received.address))
    trail.user_name = caller.user_name
    return caller


def token_of(context: Context, offered: list[bytes]) -> Token | None:
    """Find the token in the values of a header, unless it has expired."""
    found = _stored(context, offered)
    return found if found and found.expires_at > context.now_ms() else None


def _of_token(context: Context, offered: list[bytes]) -> Caller:
    token = _stored(context, offered)
    if token is None:
        raise Unauthenticated("the token is unknown, or was revoked")
    if token.expires_at <= context.now_ms():
        at = datetime.fromtimestamp(token.expires_at / 1000, UTC)
        raise Unauthenticated(f"the token expired at {at:%Y-%m-%dT%H:%M:%SZ}")
    with context.database.read() as tx:
        roles = members.roles_of(tx, token.user_id)
    return Caller(token.user_id, token.user_name, roles, token)


def _stored(context: Context, offered: list[bytes]) -> Token | None:
    with context.database.read() as tx:
        return tokens.find(tx, offered[0].decode("latin-1")) if len(offered) == 1 else None


def _of_key(key: Key) -> Caller:
    return Caller(key.user_id, key.user_name, key.roles)


def _signing_key(context: Context, received: Received, trail: Trail) -> Key:
    offered = signing.claim(received.message)
    trail.credential = offered.access_key
    key = _key(context, offered.access_key)
    if key is None:
        raise Unauthenticated("the access key is unknown")
    if key.disabled_at is not None:
        raise Unauthenticated("the access key is disabled")
    now = context.now_ms()
    with context.lockout.guarding(offered.access_key, received.address, now):
        signing.verify(received.message, offered, key.secret, now)
    return key


def _with_password(context: Context, user: wire.User, address: str) -> Caller:
    with context.database.read() as tx:
        found = members.user_called(tx, name=user.name, user_id=user.id)
        roles = members.roles_of(tx, found.id) if found else {}
    # Whether there is such a user can be told neither by the words nor by the time that they take.
    stored = found.password if found else None
    try:
        with context.lockout.guarding(f"user {user.name or user.id}", address, context.now_ms()):
            if not passwords.is_right(user.password, stored) or found is None:
                raise Unauthenticated(_WRONG_PASSWORD)
    except passwords.Busy:
        raise Unauthenticated("too many passwords are being checked at this moment; ask again") from None
    return Caller(found.id, found.name, roles)


def _with_secret(context: Context, offered: wire.AccessKey, address: str) -> Key:
    key = _key(context, offered.access.key)
    with context.lockout.guarding(offered.access.key, address, context.now_ms()):
        wanted = key.secret if key else ""
        if not hmac.compare_digest(wanted.encode(), offered.secret.key.encode()) or key is None:
            raise Unauthenticated(_WRONG_SECRET)
    if key.disabled_at is not None:
        raise Unauthenticated("the access key is disabled")
    return key


def _key(context: Context, access_key: str) -> Key | None:
    with context.database.read() as tx:
        return access.find_key(tx, context.vault, access_key)
