"""The queues that jobs can name."""

from sqlalchemy import Connection, select

from penstock.domain.errors import NotFound
from penstock.domain.queue import Queue
from penstock.store.schema import QUEUES


def find(tx: Connection, name: str) -> Queue:
    """Find a queue; raises `NotFound`."""
    row = tx.execute(select(QUEUES).where(QUEUES.c.name == name)).mappings().first()
    if row is None:
        raise NotFound(f"queue {name!r} does not exist")
    return Queue(row["name"], row["cus"])


def put(tx: Connection, queue: Queue) -> None:
    """Make the queue, or give it this size."""
    if tx.execute(QUEUES.update().where(QUEUES.c.name == queue.name).values(cus=queue.cus)).rowcount == 0:
        tx.execute(QUEUES.insert().values(name=queue.name, cus=queue.cus))
