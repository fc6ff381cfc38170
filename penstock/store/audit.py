"""The audit log: who changed what, from where, and what came of it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select

from penstock.store.database import Database, older
from penstock.store.schema import AUDIT

_BATCH = 1000


@dataclass(frozen=True)
class Entry:
    """A call; `id` is 0 until it is stored."""

    at: int
    project_id: str | None
    user_name: str
    """Empty when the caller could not prove who it is."""
    credential: str
    """The access key, `token` or `password`: what the caller showed, or claimed to have."""
    address: str
    operation: str
    target: str
    """What the call was about, as `name=value` of its path, its body and its answer."""
    status: int
    error_code: str
    request_id: str
    id: int = 0


_COLUMNS = [AUDIT.c[name] for name in Entry.__dataclass_fields__]


def append(tx: Connection, entry: Entry) -> None:
    values = asdict(entry)
    del values["id"]
    tx.execute(AUDIT.insert().values(values))


def page(tx: Connection, project_id: str | None, after: int | None, limit: int) -> list[Entry]:
    """Read one page of a project, or of all, the newest last; those after an id, or the newest of all."""
    query = select(*_COLUMNS)
    if project_id is not None:
        query = query.where(AUDIT.c.project_id == project_id)
    if after is not None:
        query = query.where(AUDIT.c.id > after)
    newest_first = after is None
    query = query.order_by(AUDIT.c.id.desc() if newest_first else AUDIT.c.id).limit(limit)
    found = [Entry(*row) for row in tx.execute(query)]
    return found[::-1] if newest_first else found


def everything(database: Database, project_id: str | None) -> Iterator[Entry]:
    """Read all of a project, or of all, the oldest first; never more than a page of it is held."""
    after = 0
    while True:
        with database.read() as tx:
            found = page(tx, project_id, after, _BATCH)
        yield from found
        if len(found) < _BATCH:
            return
        after = found[-1].id


def prune(tx: Connection, before: int, after_id: int, limit: int) -> int | None:
    """Forget those of the next entries, by id, that are older; as `events.prune`."""
    old, following = older(tx, AUDIT.c.at, before, after_id, limit)
    tx.execute(AUDIT.delete().where(AUDIT.c.id.in_(old)))
    return following
