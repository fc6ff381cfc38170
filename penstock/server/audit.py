"""The audit log of a project: a call of our own, not DLI's."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.dli import encoding
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.history import PREFIX
from penstock.server.operation import Context
from penstock.store import audit as stored


class AuditQuery(msgspec.Struct):
    after: Annotated[int, Meta(ge=0, le=encoding.LARGEST_ID)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Shown(msgspec.Struct):
    """A call; `time` is milliseconds since the epoch."""

    audit_id: int
    time: int
    user_name: str
    """Empty when the caller could not prove who it is."""
    credential: str
    address: str
    operation: str
    target: str
    status: int
    error_code: str
    request_id: str


class Audit(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    audit: Sequence[Shown]


def show_audit(context: Context, call: Call, query: AuditQuery) -> Audit:
    """Say who has changed what, from where, and what came of it; the newest last."""
    with context.database.read() as tx:
        found = stored.page(tx, call.project_id, query.after, query.limit)
    return Audit(
        audit=[
            Shown(
                audit_id=each.id,
                time=each.at,
                user_name=each.user_name,
                credential=each.credential,
                address=each.address,
                operation=each.operation,
                target=each.target,
                status=each.status,
                error_code=each.error_code,
                request_id=each.request_id,
            )
            for each in found
        ]
    )


OPERATIONS = (operation("GET", f"{PREFIX}/audit", Action.READ_AUDIT, show_audit),)
