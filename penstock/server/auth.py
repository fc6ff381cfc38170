"""Who calls, for which project, and whether they may: every operation but the open ones is checked here first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from penstock import signing
from penstock.dli import encoding
from penstock.domain.errors import Forbidden, Invalid, Unauthenticated
from penstock.domain.history import Actor, Who
from penstock.domain.roles import ALLOWED, Action
from penstock.server.operation import Answer, Context, Operation, Received, answer, contract_of
from penstock.store import access
from penstock.store.access import Key


@dataclass(frozen=True)
class Call:
    """A request of a caller who may act in the project."""

    user_id: str
    user_name: str
    project_id: str
    names: Mapping[str, str]
    """What the path names besides, as it has it."""
    body_sha256: str
    chunks: Iterable[bytes]
    request_id: str

    @property
    def job_id(self) -> str:
        return self.names["job_id"]

    @property
    def actor(self) -> Actor:
        return Actor(Who.CALLER, self.user_name)


def operation(  # noqa: PLR0913 - a row of the table of calls
    method: str,
    path: str,
    action: Action,
    handle: Callable[..., object],
    *,
    name: str | None = None,
    status: int = 200,
    takes_stream: bool = False,
) -> Operation:
    """Make an operation of a handler, which is called only for a caller who may do this in the project.

    It is given the context, the call, and, read and checked, the `query` and the `body` that it has parameters for.
    """
    taken = contract_of(handle, status)

    def serve(context: Context, received: Received) -> Answer:
        call = _call(context, received, action)
        given: dict[str, object] = {}
        if taken.query is not None:
            given["query"] = encoding.read_query(received.message.target.partition(b"?")[2], taken.query)
        if taken.body is not None:
            sent = received.message.body
            given["body"] = encoding.read_body(sent if sent or taken.needs_body else b"{}", taken.body)
        return answer(handle(context, call, **given), status)

    return Operation(name or handle.__name__, method, path, serve, taken, action, takes_stream)


def _call(context: Context, received: Received, action: Action) -> Call:
    key = _key(context, received.message)
    _check_project(key, received)
    _check_role(key, received.names["project_id"], action)
    return Call(
        user_id=key.user_id,
        user_name=key.user_name,
        project_id=received.names["project_id"],
        names=received.names,
        body_sha256=received.message.digest,
        chunks=received.chunks,
        request_id=received.request_id,
    )


def _key(context: Context, message: signing.Message) -> Key:
    offered = signing.claim(message)
    with context.database.read() as tx:
        key = access.find_key(tx, context.vault, offered.access_key)
    if key is None:
        raise Unauthenticated("the access key is unknown")
    signing.verify(message, offered, key.secret, context.now_ms())
    return key


def _check_project(key: Key, received: Received) -> None:
    project = received.names["project_id"]
    if project == "{project_id}":
        raise Invalid("the path names no project: give the client the project id with its credentials")
    if project not in key.roles:
        raise Forbidden(f"user {key.user_name} is not a member of project {project}")
    if any(named != project.encode() for named in received.message.values("x-project-id")):
        raise Invalid("the header X-Project-Id must name the project of the path")


def _check_role(key: Key, project: str, action: Action) -> None:
    role = key.roles[project]
    if action not in ALLOWED[role]:
        raise Forbidden(f"user {key.user_name} is {role} of project {project}, and may not {action}")
