"""What an operation of the API is: what it is given, and what it answers."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from penstock.dli import encoding
from penstock.dli.errors import HeadTooLarge
from penstock.flink.job_logs import JobLogs
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
    state_at: Callable[[str], str | None]
    """Finds the complete state to start from at an address; raises `Invalid`, or `NotFound` if it cannot look."""
    knows_bucket: Callable[[str], bool]
    """Says whether a bucket has its place in the storage map."""
    logs: JobLogs
    """The logs of jobs that ran on this host."""
    contents: Contents
    """The bytes of packages."""
    download: Callable[[str, Path, int], None]
    """Copies an object of a bucket to a file, if it has at most so many bytes; raises `Invalid` or `NotFound`."""
    savepoint_timeout_s: int = 24 * 3600
    body_limit: int = 12 * 1024 * 1024
    body_patience_s: float = 120


@dataclass(frozen=True)
class Received:
    """A request that has arrived in full, and what its path names."""

    message: Message
    names: Mapping[str, str]
    request_id: str
    chunks: Iterable[bytes] = ()
    """The body of an operation that takes a stream, as it arrives."""


@dataclass(frozen=True)
class Answer:
    content: bytes
    status: int = 200
    media_type: str = "application/json"


@dataclass(frozen=True)
class Operation:
    """One call of the API; `serve` is synchronous and runs in a worker thread."""

    name: str
    method: str
    path: str
    serve: Callable[[Context, Received], Answer]
    takes_stream: bool = False
    """The body may be large: it is read by `serve` once the caller is known, by the hash in its head."""


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
