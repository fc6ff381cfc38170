"""Queues: whose they are, how they are found, and that none goes while a job begins to run on it."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert

from penstock.domain.errors import AlreadyExists, NoQueue, NotFound
from penstock.domain.queue import Holder, Isolation, Keeping, Queue
from penstock.store import queues
from penstock.store.database import Database, open_database
from penstock.store.schema import STRANGERS
from tests.store.conftest import make_project


def test_a_queue_of_the_service_that_exists_takes_the_new_size(database: Database) -> None:
    name = uuid.uuid4().hex
    for cus, slots in ((4, 1), (8, 2)):
        with database.write() as tx:
            queues.put_default(tx, Queue(name, cus, slots), now=1)
        with database.read() as tx:
            found = queues.find(tx, "any project", name)
        assert (found.cus, found.slots, found.project_id) == (cus, slots, None)


def test_a_queue_that_does_not_exist_is_named(database: Database) -> None:
    with database.read() as tx, pytest.raises(NotFound, match="queue 'nowhere' does not exist"):
        queues.find(tx, "any project", "nowhere")


@pytest.fixture
def make(database: Database, project: str) -> Callable[..., Queue]:
    """Store a queue of the test's project, or of another one."""

    def make(name: str = "stream", **fields: Any) -> Queue:
        with database.write() as tx:
            return queues.create(tx, replace(Queue(name, 8, 4, project), **fields), now=7)

    return make


def names(database: Database, project: str) -> list[str]:
    with database.read() as tx:
        return [queue.name for queue in queues.visible(tx, project) if queue.project_id is not None]


def test_a_queue_is_read_as_it_was_stored(database: Database, project: str, make: Callable[..., Queue]) -> None:
    stored = make(
        isolation=Isolation.JOB,
        rest_url="http://flink:8081",
        description="ours",
        user_name="maria",
        traits={"platform": "x86_64", "tags": [{"key": "k"}]},
    )
    assert stored == Queue(
        "stream",
        8,
        4,
        project,
        Isolation.JOB,
        "http://flink:8081",
        "ours",
        "maria",
        created_at=7,
        id=stored.id,
        not_ready="its controller has not started yet",
        traits={"platform": "x86_64", "tags": [{"key": "k"}]},
    )
    with database.read() as tx:
        assert queues.find(tx, project, "STREAM") == stored


def test_a_name_is_taken_within_its_project_only(
    database: Database, project: str, make: Callable[..., Queue]
) -> None:
    other = make_project(database)
    make()
    make(project_id=other)
    with pytest.raises(AlreadyExists, match="a queue named 'stream' exists already"):
        make()
    assert (names(database, project), names(database, other)) == (["stream"], ["stream"])


def test_a_name_of_the_service_can_be_taken_by_nobody(database: Database, make: Callable[..., Queue]) -> None:
    name = uuid.uuid4().hex
    with database.write() as tx:
        queues.put_default(tx, Queue(name, 4), now=1)
    with pytest.raises(AlreadyExists):
        make(name)


def test_two_at_once_cannot_take_the_same_name(
    database: Database, project: str, make: Callable[..., Queue]
) -> None:
    refused: list[Exception] = []

    def create() -> None:
        try:
            make()
        except AlreadyExists as error:
            refused.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), names(database, project)) == (3, ["stream"])


def test_a_queue_goes_with_what_was_seen_on_it(
    database: Database, project: str, make: Callable[..., Queue]
) -> None:
    queue = make()
    stranger = {"queue_id": queue.id, "flink_job_id": "f" * 32, "name": "n", "state": "RUNNING", "cluster": ""}
    with database.write() as tx:
        tx.execute(insert(STRANGERS).values(**stranger, started_at=1, first_seen_at=1, is_to_stop=False))
    with database.write() as tx:
        queues.delete(tx, queue.id)
    assert names(database, project) == []


def test_a_released_queue_can_be_kept_in_another_place(database: Database, make: Callable[..., Queue]) -> None:
    queue = make()
    with database.write() as tx:
        assert queues.take_lease(tx, queue.id, Holder("one", "lost"), now=10, until=20)
    with database.read() as tx:
        assert queues.keeping(tx, queue.id) == Keeping("lost", 20)
    other = Holder("two", "here")
    with database.write() as tx:
        assert not queues.take_lease(tx, queue.id, other, now=30, until=40)
        queues.release(tx, queue.id)
        assert queues.take_lease(tx, queue.id, other, now=30, until=40)


def test_a_job_that_begins_to_run_keeps_its_queue_from_going(
    database: Database, project: str, make: Callable[..., Queue]
) -> None:
    queue = make()
    deleted = threading.Event()

    def delete() -> None:
        with database.write() as tx:
            queues.delete(tx, queues.find_to_change(tx, project, "stream").id)
        deleted.set()

    with database.write() as tx:
        queues.hold(tx, project, "stream")
        thread = threading.Thread(target=delete)
        thread.start()
        assert not deleted.wait(0.2)
        assert queues.keeping(tx, queue.id) == Keeping(None, 0)
    thread.join()
    assert deleted.is_set()


def test_no_job_begins_to_run_on_a_queue_that_is_being_deleted(
    database: Database, project: str, make: Callable[..., Queue]
) -> None:
    make()
    refused: list[str] = []

    def run() -> None:
        try:
            with database.write() as tx:
                queues.hold(tx, project, "stream")
        except NoQueue as error:
            refused.append(str(error))

    with database.write() as tx:
        queues.delete(tx, queues.find_to_change(tx, project, "stream").id)
        thread = threading.Thread(target=run)
        thread.start()
    thread.join()
    assert refused == ["queue 'stream' does not exist any more: create it, or give the job another one"]


def test_a_lease_is_renewed_while_a_job_begins_to_run(postgres_url: str) -> None:
    database = open_database(postgres_url)
    with database.write() as tx:
        queues.put_default(tx, Queue("default", 4), now=1)
        queue = queues.find(tx, "", "default")
    with database.write() as running, database.write() as renewing:
        queues.hold(running, "", "default")
        assert queues.take_lease(renewing, queue.id, Holder("one", "here"), now=1, until=2)
    database.close()
