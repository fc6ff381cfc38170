"""Queues are made once and resized after."""

import uuid

import pytest

from penstock.domain.errors import NotFound
from penstock.domain.queue import Queue
from penstock.store import queues
from penstock.store.database import Database


def test_a_queue_that_exists_takes_the_new_size(database: Database) -> None:
    name = uuid.uuid4().hex
    for cus in (4, 8):
        with database.write() as tx:
            queues.put(tx, Queue(name, cus))
        with database.read() as tx:
            assert queues.find(tx, name) == Queue(name, cus)


def test_a_queue_that_does_not_exist_is_named(database: Database) -> None:
    with database.read() as tx, pytest.raises(NotFound, match="queue 'nowhere' does not exist"):
        queues.find(tx, "nowhere")
