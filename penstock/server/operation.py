"""What an operation of the API is: what it is given, and what it answers."""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from penstock.dli import encoding
from penstock.dli.errors import HeadTooLarge
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job
from penstock.domain.roles import Action
from penstock.flink.buckets import Buckets
from penstock.flink.job_logs import JobLogs
from penstock.server.lockout import Lockout, Quota
from penstock.server.rates import Rates
from penstock.signing import Message
from penstock.store.contents import Contents
from penstock.store.database import Database
from penstock.store.vault import Vault
from penstock.telemetry import Metrics

log = logging.getLogger(__name__)

HEAD_LIMIT = 64 * 1024
"""Bytes of path, query and headers together."""


@dataclass(frozen=True)
class Context:
    """What the server needs of the rest of the service."""

    database: Database
    vault: Vault
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    """Makes ids of 32 hexadecimal digits."""
    wake: Callable[[], None]
    """Tells the controller that there is something to do."""
    readiness: Callable[[], str | None]
    """Says why the default queue cannot run jobs; None when it can."""
    flink_line: str
    """That of jobs that name no `flink_version`, on queues of ours."""
    metrics: Metrics
    state_at: Callable[[str, str], str | None]
    """Finds, for a project, the complete state to start from at an address; raises `Invalid`, or `NotFound` if it
    cannot look.
    """
    knows_bucket: Callable[[str, str], bool]
    """Says whether a project has a bucket of this name."""
    logs: JobLogs
    """The logs of jobs that ran on this host."""
    contents: Contents
    """The bytes of packages."""
    download: Callable[[str, str, Path, int], None]
    """Copies, for a project, an object of a bucket to a file, if it has at most so many bytes; raises `Invalid` or
    `NotFound`.
    """
    buckets: Callable[[str], Buckets]
    """Gives the buckets as a project has them."""
    plan: Callable[[Job], Graph]
    """Lets Flink plan the script of a job; raises `Refused`, `NotReady` or `TooMany`."""
    figures: Callable[[Job], Figures | None]
    """Tells what flows through a job; None: Flink cannot be asked. Raises `TooMany`."""
    savepoint_timeout_s: int = 24 * 3600
    body_limit: int = 12 * 1024 * 1024
    body_patience_s: float = 120
    stream_within_s: float = 3600
    """How long a body may take that is read as it arrives."""
    streams_at_once: int = 8
    """How many of these there can be."""
    lockout: Lockout = field(default_factory=Lockout)
    """Of those who fail to prove who they are."""
    refusals: Quota = field(default_factory=Quota)
    """How many of these the audit log still takes."""
    jobs_per_project: int = 10_000
    rates: Rates = field(default_factory=Rates)


@dataclass(frozen=True)
class Received:
    """A request that has arrived in full, and what its path names."""

    message: Message
    names: Mapping[str, str]
    request_id: str
    address: str = ""
    """Of the caller, or of the last proxy before the trusted ones."""
    chunks: Iterable[bytes] = ()
    """The body of an operation that takes a stream, as it arrives."""


@dataclass(frozen=True)
class Answer:
    content: bytes
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Content = TypeVar("Content")


@dataclass(frozen=True)
class Reply(Generic[Content]):
    """An answer whose status is not always that of its operation, or with headers of its own."""

    content: Content
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """What an operation takes and gives: the one source of what is checked, answered and documented."""

    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    needs_body: bool = True
    """Else an empty one stands for one without members."""
    answer: object = None
    """The type of what is answered; None: nothing."""
    status: int = 200
    other_status: int | None = None
    """One that comes with the same shape."""
    text: str = ""
    """What it does, in a line or more."""


@dataclass(frozen=True)
class Operation:
    """One call of the API; `serve` is synchronous and runs in a worker thread."""

    name: str
    method: str
    path: str
    serve: Callable[[Context, Received], Answer]
    contract: Contract
    action: Action | None = None
    """What its caller must be allowed to do in the project; None: it is about no project."""
    takes_stream: bool = False
    """The body may be large: it is read by `serve` once the caller is known, by the hash in its head."""
    is_open: bool = False
    """Anybody may call it."""
    is_repeatable: bool = False
    """It heeds an `Idempotency-Key`."""


def contract_of(handle: Callable[..., object], status: int = 200) -> Contract:
    """Read off a handler's annotations what it takes as `query` and `body`, and what it returns."""
    signature = inspect.signature(handle, eval_str=True)
    given = signature.parameters
    body, query = given.get("body"), given.get("query")
    answer = signature.return_annotation
    origin = getattr(answer, "__origin__", None)
    return Contract(
        query=query.annotation if query else None,
        body=body.annotation if body else None,
        needs_body=body is not None and body.default is inspect.Parameter.empty,
        answer=answer.__args__[0] if origin is Reply else answer,
        status=status,
        text=inspect.getdoc(handle) or "",
    )


def open_operation(path: str, handle: Callable[[Context], object], *, other_status: int | None = None) -> Operation:
    """Make an operation of a handler that anybody may call, and that reads nothing of the request."""

    def serve(context: Context, _received: Received) -> Answer:
        return answer(handle(context), 200)

    shape = replace(contract_of(handle), other_status=other_status)
    return Operation(handle.__name__, "GET", path, serve, shape, is_open=True)


def answer(result: object, status: int) -> Answer:
    """Encode what a handler has returned."""
    if isinstance(result, Answer):
        return result
    if isinstance(result, Reply):
        return replace(json(result.content, result.status), headers=result.headers)
    return Answer(b"", status) if result is None else json(result, status)


def head_too_large() -> HeadTooLarge:
    return HeadTooLarge(f"the path, the query and the headers must be at most {HEAD_LIMIT} bytes together")


def json(value: object, status: int = 200) -> Answer:
    return Answer(encoding.write(value), status)


def log_unexpected(error: Exception, request: str) -> None:
    """Tell the operator of an error that the caller is not told of."""
    if isinstance(error, SQLAlchemyError):
        # Only the driver's own words: SQLAlchemy's text quotes the statement with its values.
        log.error("request %s failed at the database: %s", request, getattr(error, "orig", type(error).__name__))
    else:
        log.error("request %s failed", request, exc_info=error)
