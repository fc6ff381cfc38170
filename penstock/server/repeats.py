"""Calls that may come again: one with an `Idempotency-Key` is done once, and answered the same for a day.

The key, what the call changes and its answer are one transaction: a crash leaves all of it or nothing.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from penstock.dli.errors import failure
from penstock.domain.errors import Invalid
from penstock.server.operation import Answer, Context, json
from penstock.signing import Message
from penstock.store import idempotency
from penstock.store.database import Joined
from penstock.store.idempotency import Key

HEADER = "Idempotency-Key"
LONGEST = 255
_TEXT = re.compile(rb"[!-~]{1,%d}" % LONGEST)

Act = Callable[[Context], Answer]


def once(context: Context, message: Message, owner: tuple[str, str], act: Act) -> Answer:
    """Do what the call of the owner, a project and a user, asks for, unless the call that has its key did.

    Raises what `act` raises, and `Invalid` for a key that another call has.
    """
    text = _key(message)
    if text is None:
        return act(context)
    key, request = Key(*owner, text), _digest(message)
    woken: list[bool] = []
    with context.database.write() as tx:
        kept = idempotency.take(tx, key, request, context.now_ms())
        if kept is not None:
            if kept.request != request:
                raise Invalid(f"{HEADER}: another request had this key within the last 24 hours; take a new one")
            return Answer(kept.content, kept.status)
        within = replace(context, database=Joined(tx), wake=lambda: woken.append(True))
        answered, error = _outcome(tx, within, act)
        if answered.status < 500:
            idempotency.keep(tx, key, answered.status, answered.content)
        else:
            idempotency.give_back(tx, key)
    if woken:
        context.wake()
    if error is not None:
        raise error
    return answered


def _outcome(tx: Connection, context: Context, act: Act) -> tuple[Answer, Exception | None]:
    """Give the answer, also that to a refused call, which leaves nothing behind; raises unexpected errors."""
    try:
        with tx.begin_nested():
            return act(context), None
    except Exception as error:
        status, told = failure(error)
        if status >= 500:
            raise
        return json(told, status), error


def _key(message: Message) -> str | None:
    values = message.values(HEADER.lower())
    if not values:
        return None
    if len(values) > 1 or not _TEXT.fullmatch(values[0]):
        raise Invalid(f"{HEADER} must be one text of 1 to {LONGEST} ASCII characters without blanks")
    return values[0].decode()


def _digest(message: Message) -> str:
    return hashlib.sha256(
        b"\n".join([message.method.encode(), message.target, message.digest.encode()])
    ).hexdigest()
