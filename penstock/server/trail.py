"""The audit log of what callers do: a row for each call that may change something, once its outcome is known."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from penstock.dli.errors import failure
from penstock.domain.errors import Unauthenticated
from penstock.server.operation import Context, Received, log_unexpected
from penstock.store import audit
from penstock.store.audit import Entry

_TELLING = (
    "job_id", "job_ids", "name", "queue_name", "user_name", "role", "access_key", "template_id", "is_disabled",
)  # fmt: skip
"""What bodies and answers name the objects of a call by."""
_LONGEST_TARGET = 2000
_LONGEST_NAME = 64


@dataclass
class Trail:
    """What is known of a call so far."""

    credential: str = ""
    user_name: str = ""
    """Empty until the caller has proven who it is."""
    project_id: str | None = None
    status: int = 200
    objects: list[object] = field(default_factory=list)
    """The body and the answer, which may name what the call is about."""


@contextmanager
def recorded(context: Context, received: Received, operation: str) -> Iterator[Trail]:
    """Write down what comes of a call: every one that may change something, and refused callers up to a number."""
    trail = Trail(project_id=received.names.get("project_id"))
    try:
        yield trail
    except Exception as error:
        status, told = failure(error)
        is_stranger = isinstance(error, Unauthenticated)
        if (is_stranger and context.refusals.take(context.now_ms())) or _is_change(received, trail):
            _write(context, received, _entry(context, received, trail, operation, (status, told.error_code)))
        raise
    if _is_change(received, trail):
        _write(context, received, _entry(context, received, trail, operation, (trail.status, "")))


def _is_change(received: Received, trail: Trail) -> bool:
    return bool(trail.user_name) and received.message.method != "GET"


def _write(context: Context, received: Received, entry: Entry) -> None:
    try:
        with context.database.write() as tx:
            audit.append(tx, entry)
    except SQLAlchemyError as error:  # what was done is done, and its answer says so
        log_unexpected(error, received.request_id)


def _entry(context: Context, received: Received, trail: Trail, operation: str, outcome: tuple[int, str]) -> Entry:
    return Entry(
        at=context.now_ms(),
        project_id=trail.project_id and _printable(trail.project_id)[:_LONGEST_NAME],
        user_name=trail.user_name,
        credential=_printable(trail.credential)[:_LONGEST_NAME],
        address=received.address,
        operation=operation,
        target=_target(received, trail.objects)[:_LONGEST_TARGET],
        status=outcome[0],
        error_code=outcome[1],
        request_id=received.request_id,
    )


def _target(received: Received, objects: Sequence[object]) -> str:
    named = [(name, value) for name, value in received.names.items() if name != "project_id"]
    for each in objects:
        for place in (each, getattr(each, "job", None)):
            named += [(name, getattr(place, name)) for name in _TELLING if getattr(place, name, None) is not None]
    return " ".join(f"{name}={_printable(_written(value))}" for name, value in dict(named).items())


def _written(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _printable(text: str) -> str:
    """Keep rows on their lines, and out of the way of what turns the direction of text."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
