"""The history of the jobs: one table, only added to until what is old is forgotten. It outlives deleted jobs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, not_, select

from penstock.domain.errors import JobNotFound
from penstock.domain.history import EXITS, Actor, Event, Kind, Told, Who
from penstock.domain.job import Job, Status
from penstock.store import database
from penstock.store.schema import EVENTS, JOBS


@dataclass(frozen=True)
class EventFilter:
    """Which events of a project are wanted, and which page of them."""

    project_id: str
    job_id: int | None = None
    kinds: Collection[Kind] = ()
    """Any of these; none means all."""
    after: int | None = None
    """Only events with a larger id, the oldest of them first; None: the newest ones of all."""
    limit: int = 100


def append(tx: Connection, job: Job, happened: Iterable[Event], at: int) -> None:
    """Store what has happened to a job."""
    rows = [_row(job, event, at) for event in happened]
    if rows:
        tx.execute(EVENTS.insert(), rows)


def page(tx: Connection, wanted: EventFilter) -> list[Told]:
    """Read one page, the newest event last."""
    query = select(EVENTS).where(EVENTS.c.project_id == wanted.project_id)
    if wanted.job_id is not None:
        query = query.where(EVENTS.c.job_id == wanted.job_id)
    if wanted.kinds:
        query = query.where(EVENTS.c.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.after is not None:
        query = query.where(EVENTS.c.id > wanted.after)
    newest_first = wanted.after is None
    query = query.order_by(EVENTS.c.id.desc() if newest_first else EVENTS.c.id).limit(wanted.limit)
    found = [_told(row) for row in tx.execute(query).mappings()]
    return found[::-1] if newest_first else found


def prune(tx: Connection, before: int, after_id: int, limit: int) -> int | None:
    """Forget those of the next events, by id, that are older, and say after which to go on; None: after the last.

    How the last run of a job has ended stays, as long as the job is there.
    """
    old, following = database.older(tx, EVENTS.c.at, before, after_id, limit)
    tx.execute(EVENTS.delete().where(EVENTS.c.id.in_(old), not_(_is_last_exit())))
    return following


def _is_last_exit() -> ColumnElement[bool]:
    later, exits = EVENTS.alias(), [kind.value for kind in EXITS]
    is_followed = exists().where(
        later.c.job_id == EVENTS.c.job_id, later.c.id > EVENTS.c.id, later.c.kind.in_(exits)
    )
    is_there = exists().where(JOBS.c.id == EVENTS.c.job_id, JOBS.c.deleted_at.is_(None))
    return and_(EVENTS.c.kind.in_(exits), is_there, not_(is_followed))


def check_job(tx: Connection, project_id: str, job_id: int) -> None:
    """Raise `JobNotFound` for a job that the project never had; a deleted one is fine."""
    if tx.execute(select(JOBS.c.id).where(JOBS.c.id == job_id, JOBS.c.project_id == project_id)).first() is None:
        raise JobNotFound(f"job {job_id} does not exist, and never did in this project")


def _row(job: Job, event: Event, at: int) -> dict[str, object]:
    return {
        "at": at,
        "project_id": job.project_id,
        "job_id": job.id,
        "kind": event.kind.value,
        "actor": event.actor.who.value,
        "actor_name": event.actor.name,
        "status": event.status.value,
        "run_id": event.run_id,
        "reason": event.reason,
        "details": msgspec.json.encode(event.details).decode(),
    }


def _told(row: RowMapping) -> Told:
    event = Event(
        kind=Kind(row["kind"]),
        actor=Actor(Who(row["actor"]), row["actor_name"]),
        status=Status(row["status"]),
        run_id=row["run_id"],
        reason=row["reason"],
        details=msgspec.json.decode(row["details"]),
    )
    return Told(row["id"], row["at"], row["job_id"], event)
