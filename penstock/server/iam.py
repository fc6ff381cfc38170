"""The calls of IAM that DLI's clients make before, or instead of, signing: tokens, and the caller's projects."""

from penstock.dli import iam as wire
from penstock.domain.errors import Forbidden, TokenNotFound
from penstock.server import callers
from penstock.server.auth import personal_operation
from penstock.server.callers import Caller
from penstock.server.operation import Context, Received, Reply
from penstock.store import members, tokens
from penstock.store.members import Project
from penstock.store.tokens import Token

_SUBJECT = "X-Subject-Token"


def create_token(
    context: Context, caller: Caller, _received: Received, body: wire.CreateTokenBody
) -> Reply[wire.Told]:
    """Give a token, in the header `X-Subject-Token`, for a user's password or the two halves of an access key.

    It lasts 24 hours, in the project of `scope`, which may name a region; without one it is good for no project.
    """
    scope = body.auth.scope.project if body.auth.scope else None
    with context.database.write() as tx:
        project = _chosen(members.projects_of(tx, caller.user_id), scope, caller) if scope else None
        text = tokens.issue(
            tx,
            user_id=caller.user_id,
            project_id=project.id if project else None,
            method=body.auth.identity.methods[0],
            now=context.now_ms(),
        )
        made = tokens.find(tx, text)
    assert made is not None
    return Reply(_told(made, caller), 201, {_SUBJECT: text})


def show_token(context: Context, caller: Caller, received: Received) -> Reply[wire.Told]:
    """Say whose the token in the header `X-Subject-Token` is, and until when it is good; the caller's own only."""
    token = _subject(context, caller, received)
    return Reply(_told(token, caller), 200, {_SUBJECT: received.message.values(_SUBJECT.lower())[0].decode()})


def delete_token(context: Context, caller: Caller, received: Received) -> None:
    """Refuse the token in the header `X-Subject-Token` from now on; the caller's own only."""
    token = _subject(context, caller, received)
    with context.database.write() as tx:
        tokens.revoke(tx, token)


def list_projects(
    context: Context, caller: Caller, _received: Received, query: wire.ProjectsQuery
) -> wire.Projects:
    """List the caller's projects; a region's project is the one that has its name."""
    return _projects(context, caller, query.name)


def list_auth_projects(context: Context, caller: Caller, _received: Received) -> wire.Projects:
    """List the caller's projects."""
    return _projects(context, caller, None)


def list_auth_domains(_context: Context, _caller: Caller, _received: Received) -> wire.Domains:
    """List the one domain that there is."""
    return wire.Domains(domains=[wire.ShownDomain()])


def _projects(context: Context, caller: Caller, name: str | None) -> wire.Projects:
    with context.database.read() as tx:
        found = members.projects_of(tx, caller.user_id)
    return wire.Projects(projects=[wire.Project(each.id, each.name) for each in found if name in (None, each.name)])


def _chosen(projects: list[Project], scope: wire.Named, caller: Caller) -> Project:
    for each in projects:
        if scope.id == each.id or (scope.id is None and scope.name == each.name):
            return each
    raise Forbidden(f"user {caller.user_name} is not a member of project {scope.id or scope.name}")


def _subject(context: Context, caller: Caller, received: Received) -> Token:
    token = callers.token_of(context, received.message.values(_SUBJECT.lower()))
    if token is None or token.user_id != caller.user_id:
        raise TokenNotFound(f"the header {_SUBJECT} holds no token of user {caller.user_name}, or an old one")
    return token


def _told(token: Token, caller: Caller) -> wire.Told:
    project = None
    roles = []
    if token.project_id is not None and token.project is not None:
        project = wire.TokenProject(id=token.project_id, name=token.project)
        roles = [caller.roles[token.project_id].value] if token.project_id in caller.roles else []
    return wire.Told(
        wire.Token(
            methods=[token.method],
            user=wire.TokenUser(id=token.user_id, name=token.user_name),
            issued_at=wire.time(token.issued_at),
            expires_at=wire.time(token.expires_at),
            roles=[wire.TokenRole(role, role) for role in roles],
            catalog=[],
            project=project,
            domain=None if project else wire.Domain(),
        )
    )


_TOKENS = "/v3/auth/tokens"
OPERATIONS = (
    personal_operation("POST", _TOKENS, create_token, status=201, by_sign_in=True),
    personal_operation("GET", _TOKENS, show_token),
    personal_operation("DELETE", _TOKENS, delete_token, status=204),
    personal_operation("GET", "/v3/projects", list_projects),
    personal_operation("GET", "/v3/auth/projects", list_auth_projects),
    personal_operation("GET", "/v3/auth/domains", list_auth_domains),
)
