"""Who calls, and for which project: every operation that is wrapped in `signed` is checked here first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from penstock import signing
from penstock.domain.errors import Forbidden, Invalid, Unauthenticated
from penstock.domain.history import Actor, Who
from penstock.server.operation import Answer, Context, Received
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
    query: bytes
    body: bytes
    body_sha256: str
    chunks: Iterable[bytes]
    request_id: str

    @property
    def job_id(self) -> str:
        return self.names["job_id"]

    @property
    def actor(self) -> Actor:
        return Actor(Who.CALLER, self.user_name)


def signed(handle: Callable[[Context, Call], Answer]) -> Callable[[Context, Received], Answer]:
    """Let a request through to the handler only when its caller is known, and a member of the project."""

    def serve(context: Context, received: Received) -> Answer:
        key = _key(context, received.message)
        _check_project(key, received)
        call = Call(
            user_id=key.user_id,
            user_name=key.user_name,
            project_id=received.names["project_id"],
            names=received.names,
            query=received.message.target.partition(b"?")[2],
            body=received.message.body,
            body_sha256=received.message.digest,
            chunks=received.chunks,
            request_id=received.request_id,
        )
        return handle(context, call)

    return serve


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
    if project not in key.project_ids:
        raise Forbidden(f"user {key.user_name} is not a member of project {project}")
    if any(named != project.encode() for named in received.message.values("x-project-id")):
        raise Invalid("the header X-Project-Id must name the project of the path")
