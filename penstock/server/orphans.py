"""Flink jobs that no row explains: list, stop, adopt. Calls of our own, not DLI's."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from penstock.dli import drafts, encoding
from penstock.domain import history, orphan
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Job, JobType
from penstock.domain.orphan import Orphan
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.history import PREFIX
from penstock.server.operation import Context
from penstock.store import events, jobs, orphans, queues

log = logging.getLogger(__name__)


class AdoptBody(msgspec.Struct):
    job_id: Annotated[int, Meta(ge=1, le=encoding.LARGEST_ID)] | None = None
    """The job at rest whose program it is; a new job unless given."""
    name: drafts.Name | None = None
    """Of the new job; as Flink has it unless given."""


_AS_IT_IS = AdoptBody()


class Shown(msgspec.Struct):
    """An orphan; times are milliseconds since the epoch."""

    flink_job_id: str
    name: str
    state: str
    queue_name: str
    start_time: int
    first_seen_time: int
    is_stopping: bool


class Orphans(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    orphans: Sequence[Shown]


class Done(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str


class Adopted(Done, kw_only=True):
    job_id: int


def list_orphans(context: Context, call: Call) -> Orphans:
    with context.database.read() as tx:
        found = orphans.visible(tx, call.project_id)
    return Orphans(orphans=[_shown(each) for each in found])


def stop_orphan(context: Context, call: Call) -> Done:
    with context.database.write() as tx:
        found = orphans.find(tx, call.project_id, call.names["flink_job_id"])
        orphans.ask_stop(tx, found)
    log.info("request %s asks for the end of Flink job %s", call.request_id, found.stranger.id)
    context.wake()
    return Done(message="Stop request accepted.")


def adopt_orphan(context: Context, call: Call, body: AdoptBody = _AS_IT_IS) -> Adopted:
    with context.database.write() as tx:
        now = context.now_ms()
        found = orphans.take(tx, call.project_id, call.names["flink_job_id"])
        queues.hold(tx, call.project_id, found.queue.name)
        if body.job_id is None:
            jobs.check_room(tx, call.project_id, context.jobs_per_project)
            job = _new_job(tx, call, found, body.name, now)
        else:
            job = jobs.get(tx, call.project_id, body.job_id, for_update=True)
        after = jobs.record(tx, job, orphan.adopted(job, found, now), now, call.actor)
        if after is None:
            raise NotAllowed(f"job {job.id} was changed by another call at the same moment; ask again")
        if body.job_id is None:
            events.append(tx, after, [history.remark(after, orphan.NO_SCRIPT)], now)
    context.wake()
    return Adopted(message="Flink job adopted.", job_id=after.id)


def _new_job(tx: Connection, call: Call, found: Orphan, name: str | None, now: int) -> Job:
    stranger = replace(found.stranger, name=name or found.stranger.name)
    draft = Job(
        id=0,
        project_id=call.project_id,
        user_id=call.user_id,
        user_name=call.user_name,
        type=JobType.OPENSOURCE_SQL,
        name=orphan.name_for(stranger),
        queue=found.queue.name,
        created_at=now,
        updated_at=now,
        written_at=now,
    )
    return jobs.create(tx, draft, call.actor)


def _shown(found: Orphan) -> Shown:
    return Shown(
        flink_job_id=found.stranger.id,
        name=found.stranger.name,
        state=found.stranger.state,
        queue_name=found.queue.name,
        start_time=found.stranger.started_at,
        first_seen_time=found.first_seen_at,
        is_stopping=found.is_to_stop,
    )


_ORPHANS = f"{PREFIX}/orphans"
OPERATIONS = (
    operation("GET", _ORPHANS, Action.READ_ORPHANS, list_orphans),
    operation("POST", f"{_ORPHANS}/{{flink_job_id}}/stop", Action.CHANGE_ORPHANS, stop_orphan),
    operation("POST", f"{_ORPHANS}/{{flink_job_id}}/adopt", Action.CHANGE_ORPHANS, adopt_orphan),
)
