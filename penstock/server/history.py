"""What has happened to jobs, deleted ones too, and how their last runs ended: calls of our own, not DLI's."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from penstock.dli import config, encoding
from penstock.domain.history import EXITS, Kind, Told
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import events
from penstock.store.events import EventFilter

PREFIX = "/penstock/v1/{project_id}"
"""Of every call that DLI does not have: nothing of DLI's can ever come to lie there."""


class PageQuery(msgspec.Struct):
    kind: Kind | None = None
    after: Annotated[int, Meta(ge=0, le=encoding.LARGEST_ID)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ProjectQuery(PageQuery):
    job_id: Annotated[int, Meta(ge=1, le=encoding.LARGEST_ID)] | None = None


class Shown(msgspec.Struct):
    """An event; times, those of the details too, are milliseconds since the epoch."""

    event_id: int
    time: int
    job_id: int
    kind: str
    actor: str
    user_name: str
    status: str
    run_id: str | None
    reason: str
    details: Mapping[str, object]


class Events(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    events: Sequence[Shown]


class Exit(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    exit: Shown | None


def list_events(context: Context, call: Call, query: ProjectQuery) -> Events:
    return _page(context, call, query, query.job_id)


def list_job_events(context: Context, call: Call, query: PageQuery) -> Events:
    return _page(context, call, query, encoding.read_job_id(call.job_id))


def show_exit(context: Context, call: Call) -> Exit:
    job_id = encoding.read_job_id(call.job_id)
    with context.database.read() as tx:
        events.check_job(tx, call.project_id, job_id)
        found = events.page(tx, EventFilter(call.project_id, job_id, EXITS, limit=1))
    return Exit(exit=_shown(found[0]) if found else None)


def _page(context: Context, call: Call, query: PageQuery, job_id: int | None) -> Events:
    kinds = (query.kind,) if query.kind else ()
    with context.database.read() as tx:
        if job_id is not None:
            events.check_job(tx, call.project_id, job_id)
        found = events.page(tx, EventFilter(call.project_id, job_id, kinds, query.after, query.limit))
    return Events(events=[_shown(told) for told in found])


def _shown(told: Told) -> Shown:
    event, details = told.event, dict(told.event.details)
    settings = details.get("settings")
    if isinstance(settings, list):
        details["settings"] = config.wire_names(settings)
    return Shown(
        event_id=told.id,
        time=told.at,
        job_id=told.job_id,
        kind=event.kind.value,
        actor=event.actor.who.value,
        user_name=event.actor.name,
        status=event.status.value,
        run_id=event.run_id,
        reason=event.reason,
        details=details,
    )


OPERATIONS = (
    operation("GET", f"{PREFIX}/events", Action.READ_HISTORY, list_events),
    operation("GET", f"{PREFIX}/jobs/{{job_id}}/events", Action.READ_HISTORY, list_job_events),
    operation("GET", f"{PREFIX}/jobs/{{job_id}}/exit", Action.READ_HISTORY, show_exit),
)
