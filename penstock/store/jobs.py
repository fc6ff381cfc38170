"""The jobs: their rows, the list over them, and the writes that name the version they read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exc,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from penstock.domain import history
from penstock.domain.errors import AlreadyExists, JobNotFound, QuotaExceeded
from penstock.domain.history import Actor
from penstock.domain.job import Goal, Job, JobFilter, Run, Status
from penstock.domain.queue import DEFAULT_ENTERPRISE_PROJECT, Holder, Queue
from penstock.domain.tags import Tagged
from penstock.store import alarms, events, queues, rows
from penstock.store.schema import JOB_TAGS, JOBS, NAME_INDEX, PROJECTS, QUEUES, RUNS

_FEW = 50
"""Jobs that are held in memory at once: a script may have a million characters."""


def create(tx: Connection, draft: Job, by: Actor) -> Job:
    """Store a new job and give it its id, larger than any before; raises `AlreadyExists`."""
    values = rows.from_job(draft)
    del values["id"]
    try:
        key = tx.execute(insert(JOBS).values(values)).inserted_primary_key
    except exc.IntegrityError as error:
        raise _name_taken(draft, error) from error
    assert key is not None
    _add_tags(tx, key[0], draft.tags)
    created = _one(tx, select(JOBS).where(JOBS.c.id == key[0]))
    events.append(tx, created, history.events_of(None, created, by), created.created_at)
    return created


def check_room(tx: Connection, project_id: str, most: int) -> None:
    """Let no other create jobs in the project before this has ended; raises `QuotaExceeded` when it has so many."""
    tx.execute(select(PROJECTS.c.id).where(PROJECTS.c.id == project_id).with_for_update(key_share=True))
    of_project = and_(JOBS.c.project_id == project_id, JOBS.c.deleted_at.is_(None))
    if tx.execute(select(func.count()).select_from(JOBS).where(of_project)).scalar_one() >= most:
        raise QuotaExceeded(f"the project has {most} jobs, and may have no more; delete some")


def get(tx: Connection, project_id: str, job_id: int, *, for_update: bool = False) -> Job:
    """Read one job of a project; raises `JobNotFound`, also for deleted jobs and those of other projects."""
    query = select(JOBS).where(JOBS.c.id == job_id, JOBS.c.project_id == project_id, JOBS.c.deleted_at.is_(None))
    found = _all(tx, query.with_for_update() if for_update else query)
    if not found:
        raise JobNotFound(f"job {job_id} does not exist")
    return found[0]


def named(tx: Connection, project_id: str, name: str) -> Job | None:
    """Read the job of a project with this name, for an update."""
    query = select(JOBS).where(JOBS.c.project_id == project_id, JOBS.c.name == name, JOBS.c.deleted_at.is_(None))
    return next(iter(_all(tx, query.with_for_update())), None)


def of_project(tx: Connection, project_id: str) -> Iterator[Job]:
    """Read all jobs of a project, by id, a few at a time."""
    last = 0
    mine = (JOBS.c.project_id == project_id, JOBS.c.deleted_at.is_(None))
    while found := _all(tx, select(JOBS).where(*mine, JOBS.c.id > last).order_by(JOBS.c.id).limit(_FEW)):
        yield from found
        last = found[-1].id


def get_any(tx: Connection, job_id: int) -> Job:
    """Read one job for an update, whichever project it belongs to, deleted or not; it must exist."""
    return _one(tx, select(JOBS).where(JOBS.c.id == job_id).with_for_update())


def page(tx: Connection, wanted: JobFilter) -> tuple[list[Job], int]:
    """List one page, and count all matches (before cursor, offset and limit), from one snapshot.

    Jobs are ordered by id, which is the order of creation. With `backwards`, the rows nearest to the cursor are
    kept and still given in the order asked for.
    """
    matching = _matching(wanted, queues.visible(tx, wanted.project_id) if wanted.enterprise_project else [])
    total: int = tx.execute(select(func.count()).select_from(JOBS).where(matching)).scalar_one()
    query = select(JOBS).where(matching)
    descending = wanted.descending != wanted.backwards
    if wanted.after_id is not None:
        query = query.where(JOBS.c.id < wanted.after_id if descending else JOBS.c.id > wanted.after_id)
    query = query.order_by(JOBS.c.id.desc() if descending else JOBS.c.id)
    jobs = _all(tx, query.offset(wanted.offset).limit(wanted.limit))
    return (jobs[::-1] if wanted.backwards else jobs), total


def active(tx: Connection, queue: Queue) -> list[Job]:
    """Read the jobs of a queue for which the controller has work, first asked for first."""
    query = select(JOBS).where(JOBS.c.goal != Goal.REST.value, _on(queue))
    return _all(tx, query.order_by(JOBS.c.requested_at, JOBS.c.id))


def kept_by(tx: Connection, holder: Holder, now: int, after_id: int, limit: int) -> tuple[list[Job], int]:
    """Read those of the next jobs, by id and not deleted, whose queues this process keeps, and say where to go on.

    After the last it goes on at 0.
    """
    following = select(JOBS.c.id).where(JOBS.c.id > after_id, JOBS.c.deleted_at.is_(None))
    ids = tx.execute(following.order_by(JOBS.c.id).limit(limit)).scalars().all()
    held = and_(QUEUES.c.holder == holder.name, QUEUES.c.lease_until > now, QUEUES.c.name == JOBS.c.queue)
    its_own = or_(QUEUES.c.project_id.is_(None), QUEUES.c.project_id == JOBS.c.project_id)
    found = _all(tx, select(JOBS).where(JOBS.c.id.in_(ids), exists().where(held, its_own)).order_by(JOBS.c.id))
    return found, ids[-1] if len(ids) == limit else 0


def with_logs_copied(tx: Connection, run_ids: Collection[str]) -> list[Job]:
    """Read the jobs of these runs that want their logs copied."""
    of_runs = select(RUNS.c.job_id).where(RUNS.c.id.in_(run_ids))
    found = _all(tx, select(JOBS).where(JOBS.c.id.in_(of_runs), JOBS.c.deleted_at.is_(None)))
    return [job for job in found if job.config.log_enabled]


def record(tx: Connection, before: Job, after: Job, at: int, by: Actor) -> Job | None:
    """Write what has changed, its history and its alarm, unless the row is no longer the version read: None.

    A run that appears here is remembered for good, so that a job which Flink shows can always be told from a
    stranger. Raises `AlreadyExists` when the new name is taken.
    """
    after = replace(after, written_at=at, version=before.version + 1)
    old, new = rows.from_job(before), rows.from_job(after)
    changed = {column: value for column, value in new.items() if value != old[column]}
    this_version = and_(JOBS.c.id == before.id, JOBS.c.version == before.version)
    try:
        written = tx.execute(update(JOBS).where(this_version).values(changed)).rowcount
    except exc.IntegrityError as error:
        raise _name_taken(after, error) from error
    if not written:
        return None
    if after.run and (before.run is None or before.run.id != after.run.id):
        _remember_run(tx, after.id, after.run, at)
    elif after.run and before.run and after.run.checkpoints != before.run.checkpoints:
        tx.execute(update(RUNS).where(RUNS.c.id == after.run.id).values(checkpoints=after.run.checkpoints))
    events.append(tx, after, history.events_of(before, after, by), at)
    alarms.note(tx, before, after, at)
    return after


def tagged(tx: Connection, project_id: str) -> list[Tagged]:
    """Give the jobs of a project with their tags, by id."""
    mine = (JOBS.c.project_id == project_id, JOBS.c.deleted_at.is_(None))
    names = tx.execute(select(JOBS.c.id, JOBS.c.name).where(*mine).order_by(JOBS.c.id)).all()
    tags = _by_job(tx, select(JOB_TAGS).join(JOBS, JOBS.c.id == JOB_TAGS.c.job_id).where(*mine))
    return [Tagged(str(job_id), name, tags.get(job_id, {})) for job_id, name in names]


def put_tags(tx: Connection, job_id: int, tags: Mapping[str, str]) -> None:
    """Let a job have these tags and no others."""
    tx.execute(delete(JOB_TAGS).where(JOB_TAGS.c.job_id == job_id))
    _add_tags(tx, job_id, tags)


def superseded(tx: Connection, run_ids: Collection[str]) -> set[str]:
    """Say which of these Flink job ids we once gave to a job that has another run now, or none.

    A run is recorded before it is submitted, so one that Flink shows is either current here, superseded, or a
    stranger's.
    """
    query = select(RUNS.c.id, JOBS.c.run).join(JOBS, JOBS.c.id == RUNS.c.job_id).where(RUNS.c.id.in_(run_ids))
    return {run_id for run_id, current in tx.execute(query) if rows.run_id(current) != run_id}


def count_by_status(tx: Connection) -> dict[Status, int]:
    """Count the jobs of all projects, by status."""
    query = select(JOBS.c.status, func.count()).where(JOBS.c.deleted_at.is_(None)).group_by(JOBS.c.status)
    return {Status(status): count for status, count in tx.execute(query)}


def _on(queue: Queue) -> ColumnElement[bool]:
    """A queue of a project's own holds the jobs of that project alone."""
    by_name = JOBS.c.queue == queue.name
    return by_name if queue.project_id is None else and_(by_name, JOBS.c.project_id == queue.project_id)


def _matching(wanted: JobFilter, visible: Iterable[Queue]) -> ColumnElement[bool]:
    terms: list[ColumnElement[bool]] = [
        JOBS.c.project_id == wanted.project_id,
        JOBS.c.deleted_at.is_(None),
    ]
    exact = {
        JOBS.c.type: wanted.type,
        JOBS.c.status: wanted.status,
        JOBS.c.queue: wanted.queue,
        JOBS.c.user_name: wanted.user_name,
    }
    terms += [column == str(value) for column, value in exact.items() if value is not None]
    if wanted.name_part:
        terms.append(_contains(wanted.name_part))
    terms += [_has_tag(key, value) for key, value in wanted.tags.items()]
    if wanted.root_job_id is not None:
        terms.append(false())
    if wanted.enterprise_project is not None:
        terms.append(_belongs_to(wanted.enterprise_project, visible))
    return and_(*terms)


def _belongs_to(enterprise_project: str, visible: Iterable[Queue]) -> ColumnElement[bool]:
    """A job belongs to the enterprise project of its queue; to the default one when that is not there any more."""
    names = {each.name for each in visible if each.enterprise_project == enterprise_project}
    others = {each.name for each in visible} - names
    is_default = enterprise_project == DEFAULT_ENTERPRISE_PROJECT
    return JOBS.c.queue.not_in(others) if is_default else JOBS.c.queue.in_(names)


def _contains(part: str) -> ColumnElement[bool]:
    # LIKE folds case on SQLite, and each database has another function for the position of a substring.
    return func.replace(JOBS.c.name, part, "") != JOBS.c.name


def _has_tag(key: str, value: str) -> ColumnElement[bool]:
    return exists().where(JOB_TAGS.c.job_id == JOBS.c.id, JOB_TAGS.c.key == key, JOB_TAGS.c.value == value)


def _remember_run(tx: Connection, job_id: int, run: Run, at: int) -> None:
    values = {"job_id": job_id, "recorded_at": at, "resume_from": run.resume_from, "checkpoints": run.checkpoints}
    tx.execute(insert(RUNS).values(id=run.id, **values))


def _one(tx: Connection, query: Select[Any]) -> Job:
    return _all(tx, query)[0]


def _all(tx: Connection, query: Select[Any]) -> list[Job]:
    found = tx.execute(query).mappings().all()
    tags = _by_job(tx, select(JOB_TAGS).where(JOB_TAGS.c.job_id.in_([row["id"] for row in found])))
    return [rows.to_job(row, tags.get(row["id"], {})) for row in found]


def _add_tags(tx: Connection, job_id: int, tags: Mapping[str, str]) -> None:
    if tags:
        tx.execute(insert(JOB_TAGS), [{"job_id": job_id, "key": k, "value": v} for k, v in tags.items()])


def _by_job(tx: Connection, query: Select[Any]) -> dict[int, dict[str, str]]:
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for job_id, key, value in tx.execute(query):
        tags[job_id][key] = value
    return tags


def _name_taken(job: Job, error: exc.IntegrityError) -> Exception:
    """Tell a taken name, the one rule that a caller can break, from a mistake of ours."""
    told = str(error.orig)
    if NAME_INDEX in told or "jobs.project_id, jobs.name" in told:  # PostgreSQL names the index, SQLite its columns
        return AlreadyExists(f"a job named {job.name!r} exists already")
    return error
