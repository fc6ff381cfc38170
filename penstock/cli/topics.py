"""`penstock topics`: as `penstock keys`, it opens the data directory itself, whether a service runs or not."""

import contextlib
import sys
from collections.abc import Iterator

from penstock import service
from penstock.cli import access, tables
from penstock.cli.failure import fail
from penstock.controller import targets
from penstock.domain import alarm
from penstock.domain.errors import PenstockError
from penstock.service import Storage
from penstock.settings import Settings
from penstock.store import topics
from penstock.store.topics import Topic

_COLUMNS: tables.Columns = {
    "name": "name",
    "target": "target",
    "created": lambda row: tables.time(row["created_at"]),
}


def add(settings: Settings, name: str, url: str) -> None:
    """Store a topic; the URL `-` stands for the first line of standard input."""
    url = sys.stdin.readline().strip() if url == "-" else url
    with _opened(settings) as storage:
        alarm.check_topic_name(name)
        shown = targets.shown(url)
        with storage.database.write() as tx:
            topics.add(tx, storage.vault, Topic(name, url, service.now_ms()))
    print(f"added topic {name}, which leads to {shown}")


def show_list(settings: Settings, *, as_json: bool) -> None:
    with _opened(settings) as storage, storage.database.read() as tx:
        found = topics.everything(tx, storage.vault)
    rows = [{"name": each.name, "target": _shown(each), "created_at": each.created_at} for each in found]
    tables.show(rows, _COLUMNS, as_json=as_json)


def remove(settings: Settings, name: str) -> None:
    with _opened(settings) as storage, storage.database.write() as tx:
        topics.remove(tx, name)
    print(f"removed topic {name}")


def send_test(settings: Settings, name: str) -> None:
    """Send a message to a topic now, and say whether it was taken."""
    with _opened(settings) as storage:
        with storage.database.read() as tx:
            topic = topics.find(tx, storage.vault, name)
        targets.send(topic.target, f"Penstock: test of topic {name}", "The alarms of jobs that name it come here.")
    print(f"sent a message to {_shown(topic)}")


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator[Storage]:
    storage = access.open_storage(settings)
    try:
        yield storage
    except (PenstockError, targets.BadTarget, targets.Undelivered) as error:
        fail(str(error))
    finally:
        storage.database.close()


def _shown(topic: Topic) -> str:
    try:
        return targets.shown(topic.target)
    except targets.BadTarget:
        return "unusable"
