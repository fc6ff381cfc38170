"""Who is a member of a project, and what it may do there: calls of our own, not DLI's."""

from collections.abc import Sequence

import msgspec

from penstock.domain.roles import Action, Role
from penstock.server.auth import Call, operation
from penstock.server.history import PREFIX
from penstock.server.operation import Context
from penstock.store import members as stored


class Shown(msgspec.Struct):
    user_id: str
    user_name: str
    role: Role


class Members(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    members: Sequence[Shown]


class PutBody(msgspec.Struct):
    role: Role


class Done(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    user_name: str


def list_members(context: Context, call: Call) -> Members:
    with context.database.read() as tx:
        found = stored.of_project(tx, call.project_id)
    return Members(members=[Shown(each.user_id, each.user, each.role) for each in found])


def put_member(context: Context, call: Call, body: PutBody) -> Done:
    """Make a user a member, or give it another role; the user is made when there is none of that name."""
    name = call.names["user_name"]
    with context.database.write() as tx:
        stored.put_named(tx, call.project_id, name, body.role)
    return Done(user_name=name)


def remove_member(context: Context, call: Call) -> Done:
    """End a membership; the user's keys and tokens do not open the project from then on."""
    name = call.names["user_name"]
    with context.database.write() as tx:
        # Whether there is such a user in another project is not to be told from the answer.
        found = stored.user_called(tx, name=name)
        stored.remove(tx, call.project_id, found.id if found else "")
    return Done(user_name=name)


_MEMBERS = f"{PREFIX}/members"
OPERATIONS = (
    operation("GET", _MEMBERS, Action.READ_MEMBERS, list_members),
    operation("PUT", f"{_MEMBERS}/{{user_name}}", Action.CHANGE_MEMBERS, put_member),
    operation("DELETE", f"{_MEMBERS}/{{user_name}}", Action.CHANGE_MEMBERS, remove_member),
)
