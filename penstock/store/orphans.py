"""The orphans that the controllers have seen, queue by queue, as long as they live."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, RowMapping, or_, select

from penstock.domain.engine import Stranger
from penstock.domain.errors import NotFound
from penstock.domain.orphan import Orphan
from penstock.domain.queue import Queue
from penstock.store import queues
from penstock.store.schema import QUEUES, RUNS, STRANGERS


def unexplained(tx: Connection, strangers: Iterable[Stranger]) -> frozenset[Stranger]:
    """Leave out those that were ever given to a job."""
    by_id = {each.id: each for each in strangers}
    ours = tx.execute(select(RUNS.c.id).where(RUNS.c.id.in_(by_id))).scalars().all()
    return frozenset(each for id, each in by_id.items() if id not in ours)


def put(tx: Connection, queue: Queue, strangers: Iterable[Stranger], now: int) -> frozenset[Stranger]:
    """Let these be all the orphans of a queue, but for those that a job has been given; return the rest."""
    seen = unexplained(tx, strangers)
    on_queue = STRANGERS.c.queue_id == queue.id
    known = set(tx.execute(select(STRANGERS.c.flink_job_id).where(on_queue)).scalars())
    tx.execute(STRANGERS.delete().where(on_queue, STRANGERS.c.flink_job_id.not_in([each.id for each in seen])))
    for each in seen:
        values = {"name": each.name, "state": each.state, "started_at": each.started_at}
        values["cluster"] = each.cluster
        if each.id in known:
            tx.execute(STRANGERS.update().where(on_queue, STRANGERS.c.flink_job_id == each.id).values(values))
        else:
            key = {"queue_id": queue.id, "flink_job_id": each.id}
            tx.execute(STRANGERS.insert().values(**key, **values, first_seen_at=now, is_to_stop=False))
    return seen


def to_stop(tx: Connection, queue: Queue) -> set[str]:
    """Give the Flink ids of those on a queue whose end was asked for."""
    query = select(STRANGERS.c.flink_job_id).where(STRANGERS.c.queue_id == queue.id, STRANGERS.c.is_to_stop)
    return set(tx.execute(query).scalars())


def visible(tx: Connection, project_id: str) -> list[Orphan]:
    """Give those on the queues that a project sees, in the order in which they were first seen."""
    return _visible(tx, project_id)


def find(tx: Connection, project_id: str, flink_job_id: str) -> Orphan:
    """Find one on a queue that the project sees; raises `NotFound`."""
    found = _visible(tx, project_id, STRANGERS.c.flink_job_id == flink_job_id)
    if not found:
        raise NotFound(f"Flink job {flink_job_id} is not among the orphans that this project sees")
    return found[0]


def take(tx: Connection, project_id: str, flink_job_id: str) -> Orphan:
    """Find one and forget it, as it becomes a job's; raises `NotFound`, also of one that another has just taken."""
    orphan = find(tx, project_id, flink_job_id)
    this = STRANGERS.c.flink_job_id == flink_job_id
    if not tx.execute(STRANGERS.delete().where(this)).rowcount or not unexplained(tx, [orphan.stranger]):
        raise NotFound(f"Flink job {flink_job_id} is a job's already")
    return orphan


def ask_stop(tx: Connection, orphan: Orphan) -> None:
    this = (STRANGERS.c.queue_id == orphan.queue.id, STRANGERS.c.flink_job_id == orphan.stranger.id)
    tx.execute(STRANGERS.update().where(*this).values(is_to_stop=True))


def _visible(tx: Connection, project_id: str, *terms: ColumnElement[bool]) -> list[Orphan]:
    by_id = {queue.id: queue for queue in queues.all_of_service(tx)}
    seen_by = or_(QUEUES.c.project_id == project_id, QUEUES.c.project_id.is_(None))
    query = select(STRANGERS).join(QUEUES, QUEUES.c.id == STRANGERS.c.queue_id).where(seen_by, *terms)
    rows = tx.execute(query.order_by(STRANGERS.c.first_seen_at, STRANGERS.c.flink_job_id)).mappings()
    return [_orphan(row, by_id[row["queue_id"]]) for row in rows]


def _orphan(row: RowMapping, queue: Queue) -> Orphan:
    return Orphan(
        stranger=Stranger(row["flink_job_id"], row["name"], row["state"], row["started_at"], row["cluster"]),
        queue=queue,
        first_seen_at=row["first_seen_at"],
        is_to_stop=row["is_to_stop"],
    )
