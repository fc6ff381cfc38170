"""The access keys of a project's members: calls of our own, not DLI's.

Everybody changes the own ones, and an admin those of members whose every project it administers: a key opens all
projects of its user.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from penstock.domain.errors import Forbidden, NotFound
from penstock.domain.roles import ALLOWED, Action
from penstock.server.auth import Call, operation
from penstock.server.history import PREFIX
from penstock.server.operation import Context
from penstock.store import access, members
from penstock.store.access import Issued, Key


class CreateBody(msgspec.Struct):
    user_name: Annotated[str, Meta(max_length=128)] | None = None
    """A member; the caller unless given."""
    description: Annotated[str, Meta(max_length=512)] = ""


class UpdateBody(msgspec.Struct):
    is_disabled: bool


class Shown(msgspec.Struct):
    """An access key; times are milliseconds since the epoch."""

    access_key: str
    user_name: str
    description: str
    create_time: int
    disable_time: int | None


class Keys(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    keys: Sequence[Shown]


class Made(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    access_key: str
    secret: str
    """Not shown again."""
    user_name: str


class Done(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    access_key: str


_FOR_CALLER = CreateBody()


def list_keys(context: Context, call: Call) -> Keys:
    """List the keys that were made for the project: the caller's own, or, for an admin, all."""
    own = None if call.may(Action.CHANGE_MEMBERS) else call.user_id
    with context.database.read() as tx:
        found = access.issued(tx, call.project_id, own)
    return Keys(keys=[_shown(each) for each in found])


def create_key(context: Context, call: Call, body: CreateBody = _FOR_CALLER) -> Made:
    """Make a key for the caller or another member; its secret is not shown again."""
    _check_signed(call)
    now = context.now_ms()
    with context.database.write() as tx:
        user_id = call.user_id if body.user_name is None else _member(tx, call, body.user_name)
        made = access.add_key(
            tx,
            context.vault,
            project_id=call.project_id,
            user_id=user_id,
            now=now,
            description=body.description,
        )
    return _made(made)


def update_key(context: Context, call: Call, body: UpdateBody) -> Done:
    """Disable a key, at once, or let it in again; tokens of its user end when it is disabled."""
    if not body.is_disabled:
        _check_signed(call)
    with context.database.write() as tx:
        key = _found(tx, call)
        if body.is_disabled:
            access.disable(tx, key, context.now_ms())
        else:
            access.enable(tx, key)
    return Done(access_key=key.access_key)


def rotate_key(context: Context, call: Call) -> Made:
    """Make a key like this one, which is disabled at once."""
    _check_signed(call)
    with context.database.write() as tx:
        made = access.rotate(tx, context.vault, _found(tx, call), context.now_ms())
    return _made(made)


def delete_key(context: Context, call: Call) -> Done:
    with context.database.write() as tx:
        key = _found(tx, call)
        access.delete(tx, key)
    return Done(access_key=key.access_key)


def _check_signed(call: Call) -> None:
    if call.has_token:
        raise Forbidden("a key is made by a signed call: it outlives a token, and opens more than its project")


def _found(tx: Connection, call: Call) -> Issued:
    key = access.get_issued(tx, call.names["access_key"], call.project_id)
    _check_may_act_for(tx, call, key.user_id)
    return key


def _member(tx: Connection, call: Call, name: str) -> str:
    user = members.user_called(tx, name=name)
    if user is None or call.project_id not in members.roles_of(tx, user.id):
        raise NotFound(f"user {name!r} is not a member of project {call.project_id}")
    _check_may_act_for(tx, call, user.id)
    return user.id


def _check_may_act_for(tx: Connection, call: Call, user_id: str) -> None:
    if user_id == call.user_id:
        return
    if not call.may(Action.CHANGE_MEMBERS):
        raise Forbidden(f"user {call.user_name} may make and change only the keys of its own")
    of_caller = members.roles_of(tx, call.user_id)
    for project_id in members.roles_of(tx, user_id):
        if project_id not in of_caller or Action.CHANGE_MEMBERS not in ALLOWED[of_caller[project_id]]:
            raise Forbidden(
                f"the key's user is also in a project that user {call.user_name} does not administer,"
                " and a key opens them all; end the membership instead, or let its user or the operator do this"
            )


def _shown(key: Issued) -> Shown:
    return Shown(key.access_key, key.user_name, key.description, key.created_at, key.disabled_at)


def _made(key: Key) -> Made:
    return Made(access_key=key.access_key, secret=key.secret, user_name=key.user_name)


_KEYS = f"{PREFIX}/keys"
_KEY = f"{_KEYS}/{{access_key}}"
OPERATIONS = (
    operation("GET", _KEYS, Action.READ_KEYS, list_keys),
    operation("POST", _KEYS, Action.CHANGE_KEYS, create_key),
    operation("PUT", _KEY, Action.CHANGE_KEYS, update_key),
    operation("POST", f"{_KEY}/rotate", Action.CHANGE_KEYS, rotate_key),
    operation("DELETE", _KEY, Action.CHANGE_KEYS, delete_key),
)
