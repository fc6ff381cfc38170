"""The topics that jobs name for their alarms; where each leads is a secret, and encrypted."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, exc, select

from penstock.domain.errors import AlreadyExists, NotFound
from penstock.store.schema import TOPICS
from penstock.store.vault import Vault


@dataclass(frozen=True)
class Topic:
    name: str
    target: str = field(repr=False)
    created_at: int


def add(tx: Connection, vault: Vault, topic: Topic) -> None:
    """Store a topic; raises `AlreadyExists`."""
    values = {"name": topic.name, "target": vault.encrypt(topic.target), "created_at": topic.created_at}
    try:
        tx.execute(TOPICS.insert().values(values))
    except exc.IntegrityError as error:
        raise AlreadyExists(f"a topic named {topic.name!r} exists already") from error


def find(tx: Connection, vault: Vault, name: str) -> Topic:
    """Find a topic by its name; raises `NotFound`."""
    row = tx.execute(select(TOPICS).where(TOPICS.c.name == name)).mappings().first()
    if row is None:
        raise _missing(name)
    return _topic(row, vault)


def everything(tx: Connection, vault: Vault) -> list[Topic]:
    """Give all topics, by name."""
    return [_topic(row, vault) for row in tx.execute(select(TOPICS).order_by(TOPICS.c.name)).mappings()]


def remove(tx: Connection, name: str) -> None:
    """Forget a topic; raises `NotFound`."""
    if tx.execute(TOPICS.delete().where(TOPICS.c.name == name)).rowcount == 0:
        raise _missing(name)


def _missing(name: str) -> NotFound:
    return NotFound(f"topic {name!r} does not exist")


def _topic(row: RowMapping, vault: Vault) -> Topic:
    return Topic(row["name"], vault.decrypt(row["target"]), row["created_at"])
