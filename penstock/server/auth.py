"""Who calls, for which project, and whether they may: every operation but the open ones is checked here first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.dli import encoding
from penstock.domain.errors import Forbidden, Invalid
from penstock.domain.history import Actor, Who
from penstock.domain.roles import ALLOWED, Action, Role
from penstock.server import callers, repeats, trail
from penstock.server.callers import Caller
from penstock.server.operation import Answer, Context, Contract, Operation, Received, answer, contract_of


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
    roles: Mapping[str, Role]
    """What the caller is, by the id of the project."""
    has_token: bool = False
    """Instead of a signature."""

    @property
    def job_id(self) -> str:
        return self.names["job_id"]

    @property
    def actor(self) -> Actor:
        return Actor(Who.CALLER, self.user_name)

    def may(self, action: Action) -> bool:
        return action in ALLOWED[self.roles[self.project_id]]


def operation(  # noqa: PLR0913 - a row of the table of calls
    method: str,
    path: str,
    action: Action,
    handle: Callable[..., object],
    *,
    name: str | None = None,
    status: int = 200,
    takes_stream: bool = False,
    is_repeatable: bool = False,
) -> Operation:
    """Make an operation of a handler, which is called only for a caller who may do this in the project.

    It is given the context, the call, and, read and checked, the `query` and the `body` that it has parameters for.
    A repeatable one does no more than transactions on the database, which become one for a call with a key.
    """
    taken, called = contract_of(handle, status), name or handle.__name__

    def serve(context: Context, received: Received) -> Answer:
        with trail.recorded(context, received, called) as told:
            call = _call(callers.caller_of(context, received, told), received, action)
            given = _given(taken, received)

            def act(within: Context) -> Answer:
                result = handle(within, call, **given)
                told.objects += [*given.values(), result]
                return answer(result, status)

            owner = (call.project_id, call.user_id)
            answered = repeats.once(context, received.message, owner, act) if is_repeatable else act(context)
            told.status = answered.status
            return answered

    return Operation(called, method, path, serve, taken, action, takes_stream, is_repeatable=is_repeatable)


def personal_operation(
    method: str, path: str, handle: Callable[..., object], *, status: int = 200, by_sign_in: bool = False
) -> Operation:
    """Make an operation that every caller may call, and that is about no one project.

    Its handler is given the context, the caller, what was received, and the `query` and `body` that it has
    parameters for. With `by_sign_in` the body says who calls.
    """
    taken = contract_of(handle, status)
    identify = callers.sign_in if by_sign_in else callers.caller_of

    def serve(context: Context, received: Received) -> Answer:
        with trail.recorded(context, received, handle.__name__) as told:
            caller = identify(context, received, told)
            answered = answer(handle(context, caller, received, **_given(taken, received)), status)
            told.status = answered.status
            return answered

    return Operation(handle.__name__, method, path, serve, taken, is_open=by_sign_in)


def _given(taken: Contract, received: Received) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if taken.query is not None:
        given["query"] = encoding.read_query(received.message.target.partition(b"?")[2], taken.query)
    if taken.body is not None:
        sent = received.message.body
        given["body"] = encoding.read_body(sent if sent or taken.needs_body else b"{}", taken.body)
    return given


def _call(caller: Caller, received: Received, action: Action) -> Call:
    project = received.names["project_id"]
    _check_project(caller, project, received)
    _check_role(caller, project, action)
    return Call(
        user_id=caller.user_id,
        user_name=caller.user_name,
        project_id=project,
        names=received.names,
        body_sha256=received.message.digest,
        chunks=received.chunks,
        request_id=received.request_id,
        roles=caller.roles,
        has_token=caller.token is not None,
    )


def _check_project(caller: Caller, project: str, received: Received) -> None:
    if project == "{project_id}":
        raise Invalid("the path names no project: give the client the project id with its credentials")
    if caller.is_outside(project):
        raise Forbidden(f"the token of user {caller.user_name} is not for project {project}")
    if project not in caller.roles:
        raise Forbidden(f"user {caller.user_name} is not a member of project {project}")
    if any(named != project.encode() for named in received.message.values("x-project-id")):
        raise Invalid("the header X-Project-Id must name the project of the path")


def _check_role(caller: Caller, project: str, action: Action) -> None:
    role = caller.roles[project]
    if action not in ALLOWED[role]:
        raise Forbidden(f"user {caller.user_name} is {role} of project {project}, and may not {action}")
