"""The queues that jobs can name, and the lease of the process whose controller keeps each."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, exc, or_, select

from penstock.domain.errors import AlreadyExists, NoQueue, NotFound
from penstock.domain.queue import Holder, Isolation, Keeping, Queue
from penstock.store.schema import QUEUE_NAME_INDEX, QUEUES, STRANGERS


def find(tx: Connection, project_id: str, name: str) -> Queue:
    """Find a queue by the name, in any case, that a project knows it under; raises `NotFound`."""
    row = tx.execute(select(QUEUES).where(*_named(project_id, name))).mappings().first()
    if row is None:
        raise NotFound(f"queue {name!r} does not exist")
    return _queue(row)


def find_to_change(tx: Connection, project_id: str, name: str) -> Queue:
    """Find it likewise, and let no job begin to run on it before the transaction ends; raises `NotFound`."""
    tx.execute(select(QUEUES.c.id).where(*_named(project_id, name)).with_for_update())
    return find(tx, project_id, name)


def hold(tx: Connection, project_id: str, name: str) -> None:
    """Keep a queue from being deleted before the transaction ends, which lets a job run; raises `NoQueue`."""
    query = select(QUEUES.c.id).where(*_named(project_id, name))
    # Of a row's locks this one is not in the way of leases, which are renewed all the time.
    if tx.execute(query.with_for_update(read=True, key_share=True)).first() is None:
        raise NoQueue(f"queue {name!r} does not exist any more: create it, or give the job another one")


def visible(tx: Connection, project_id: str) -> list[Queue]:
    """Give the queues that a project can name."""
    query = select(QUEUES).where(_seen_by(project_id)).order_by(QUEUES.c.id)
    return [_queue(row) for row in tx.execute(query).mappings()]


def all_of_service(tx: Connection) -> list[Queue]:
    """Give the queues of all projects."""
    return [_queue(row) for row in tx.execute(select(QUEUES).order_by(QUEUES.c.id)).mappings()]


def put_default(tx: Connection, queue: Queue, now: int) -> None:
    """Make a queue of the service's own, or give it this size."""
    size = {"cus": queue.cus, "slots": queue.slots}
    this = (QUEUES.c.name == queue.name, QUEUES.c.project_id.is_(None))
    if tx.execute(QUEUES.update().where(*this).values(size)).rowcount == 0:
        tx.execute(QUEUES.insert().values(_values(queue, now)))


def create(tx: Connection, queue: Queue, now: int) -> Queue:
    """Store a new queue and give it its id; raises `AlreadyExists`, also for a name of the service's own."""
    taken = AlreadyExists(f"a queue named {queue.name!r} exists already")
    if any(each.name == queue.name for each in visible(tx, queue.project_id or "")):
        raise taken
    try:
        key = tx.execute(QUEUES.insert().values(_values(queue, now))).inserted_primary_key
    except exc.IntegrityError as error:
        if QUEUE_NAME_INDEX in str(error.orig):  # on PostgreSQL, where another creation may be under way
            raise taken from error
        raise
    assert key is not None
    return _queue(tx.execute(select(QUEUES).where(QUEUES.c.id == key[0])).mappings().one())


def resize(tx: Connection, queue_id: int, cus: int) -> None:
    tx.execute(QUEUES.update().where(QUEUES.c.id == queue_id).values(cus=cus))


def put_traits(tx: Connection, queue_id: int, traits: Mapping[str, object]) -> None:
    """Say anew what decides nothing of the queue."""
    tx.execute(QUEUES.update().where(QUEUES.c.id == queue_id).values(traits=_json(traits)))


def delete(tx: Connection, queue_id: int) -> None:
    """Forget a queue and what was seen on its cluster; the process that keeps it ends the cluster."""
    tx.execute(STRANGERS.delete().where(STRANGERS.c.queue_id == queue_id))
    tx.execute(QUEUES.delete().where(QUEUES.c.id == queue_id))


def keeping(tx: Connection, queue_id: int) -> Keeping:
    """Say who keeps a queue that exists, and where."""
    row = tx.execute(select(QUEUES.c.place, QUEUES.c.lease_until).where(QUEUES.c.id == queue_id)).one()
    return Keeping(row.place, row.lease_until)


def release(tx: Connection, queue_id: int) -> None:
    """Let any process keep the queue, wherever its local engine was."""
    tx.execute(QUEUES.update().where(QUEUES.c.id == queue_id).values(holder=None, place=None, lease_until=0))


def take_lease(tx: Connection, queue_id: int, holder: Holder, now: int, until: int) -> bool:
    """Take or renew the lease on a queue; False while another process holds it, or its engine is another host's."""
    free = or_(QUEUES.c.holder.is_(None), QUEUES.c.holder == holder.name, QUEUES.c.lease_until <= now)
    reachable = or_(QUEUES.c.rest_url.is_not(None), QUEUES.c.place.is_(None), QUEUES.c.place == holder.place)
    taken = QUEUES.update().where(QUEUES.c.id == queue_id, free, reachable)
    return tx.execute(taken.values(holder=holder.name, place=holder.place, lease_until=until)).rowcount > 0


def drop_lease(tx: Connection, queue_id: int, holder: Holder) -> None:
    """Give the lease back, so that another process need not wait for its end."""
    held = (QUEUES.c.id == queue_id, QUEUES.c.holder == holder.name)
    tx.execute(QUEUES.update().where(*held).values(holder=None, lease_until=0))


def tell_readiness(tx: Connection, queue_id: int, not_ready: str | None) -> None:
    tx.execute(QUEUES.update().where(QUEUES.c.id == queue_id).values(not_ready=not_ready))


def _named(project_id: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return QUEUES.c.name == name.lower(), _seen_by(project_id)


def _seen_by(project_id: str) -> ColumnElement[bool]:
    return or_(QUEUES.c.project_id == project_id, QUEUES.c.project_id.is_(None))


def _values(queue: Queue, now: int) -> dict[str, object]:
    return {
        "project_id": queue.project_id,
        "name": queue.name,
        "cus": queue.cus,
        "slots": queue.slots,
        "isolation": queue.isolation.value,
        "rest_url": queue.rest_url,
        "description": queue.description,
        "user_name": queue.user_name,
        "created_at": now,
        "traits": _json(queue.traits),
        "not_ready": "its controller has not started yet",
        "lease_until": 0,
    }


def _json(traits: Mapping[str, object]) -> str:
    return msgspec.json.encode(traits).decode()


def _queue(row: RowMapping) -> Queue:
    return Queue(
        name=row["name"],
        cus=row["cus"],
        slots=row["slots"],
        project_id=row["project_id"],
        isolation=Isolation(row["isolation"]),
        rest_url=row["rest_url"],
        description=row["description"],
        user_name=row["user_name"],
        created_at=row["created_at"],
        id=row["id"],
        not_ready=row["not_ready"],
        traits=msgspec.json.decode(row["traits"]),
    )
