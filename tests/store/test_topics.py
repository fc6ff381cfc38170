"""Topics: what is stored comes back, and nobody without the key can read where they lead."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from penstock.domain.errors import AlreadyExists, NotFound
from penstock.store import topics
from penstock.store.database import Database
from penstock.store.schema import TOPICS
from penstock.store.topics import Topic
from penstock.store.vault import Vault, open_vault


@pytest.fixture
def vault(tmp_path: Path, database: Database) -> Vault:
    with database.write() as tx:
        tx.execute(delete(TOPICS))
    return open_vault(tmp_path / "key")


def topic() -> Topic:
    return Topic(uuid.uuid4().hex, "json://u:hunter2@hook/", 7)


def test_topics_come_back_by_name(database: Database, vault: Vault) -> None:
    added = [topic() for _ in range(3)]
    with database.write() as tx:
        for each in added:
            topics.add(tx, vault, each)
    with database.read() as tx:
        assert topics.find(tx, vault, added[1].name) == added[1]
        assert topics.everything(tx, vault) == sorted(added, key=lambda each: each.name)


def test_where_a_topic_leads_is_stored_encrypted_and_shown_by_no_repr(database: Database, vault: Vault) -> None:
    with database.write() as tx:
        topics.add(tx, vault, topic())
        (stored,) = tx.execute(select(TOPICS.c.target)).scalars()
    assert b"hunter2" not in bytes(stored)
    assert "hunter2" not in repr(topic())


def test_a_name_is_taken_once(database: Database, vault: Vault) -> None:
    first = topic()
    with database.write() as tx:
        topics.add(tx, vault, first)
    with pytest.raises(AlreadyExists), database.write() as tx:
        topics.add(tx, vault, first)


def test_a_removed_topic_is_gone(database: Database, vault: Vault) -> None:
    gone = topic()
    with database.write() as tx:
        topics.add(tx, vault, gone)
        topics.remove(tx, gone.name)
        with pytest.raises(NotFound, match=gone.name):
            topics.find(tx, vault, gone.name)
        with pytest.raises(NotFound, match=gone.name):
            topics.remove(tx, gone.name)
