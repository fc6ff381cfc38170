"""Orphans: on record as long as they live, seen by whoever sees their queue, and taken once."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from penstock.domain import orphan
from penstock.domain.engine import Stranger
from penstock.domain.errors import NotFound
from penstock.domain.history import CONTROLLER
from penstock.domain.job import Job
from penstock.domain.orphan import Orphan
from penstock.domain.queue import Queue
from penstock.store import jobs, orphans, queues
from penstock.store.database import Database
from penstock.store.schema import STRANGERS
from tests.store.conftest import make_project


@pytest.fixture
def queue(database: Database, project: str) -> Queue:
    """A queue of the test's project."""
    return make_queue(database, project)


@pytest.fixture
def stray() -> Stranger:
    return Stranger(uuid.uuid4().hex, "by hand", "RUNNING", 5, "unit-1")


def make_queue(database: Database, project: str | None) -> Queue:
    with database.write() as tx:
        return queues.create(tx, Queue(uuid.uuid4().hex, 8, 8, project), now=1)


def put(database: Database, queue: Queue, *strangers: Stranger, now: int = 100) -> frozenset[Stranger]:
    with database.write() as tx:
        return orphans.put(tx, queue, strangers, now)


def seen_by(database: Database, project: str, *queues: Queue) -> list[Orphan]:
    with database.read() as tx:
        return [each for each in orphans.visible(tx, project) if each.queue in queues]


def give(database: Database, job: Job, stray: Stranger) -> None:
    """Take it as the run of the job."""
    with database.write() as tx:
        taken = orphans.take(tx, job.project_id, stray.id)
        assert jobs.record(tx, job, orphan.adopted(job, taken, 200), 200, CONTROLLER)


def test_one_is_on_record_as_long_as_it_is_seen(
    database: Database, project: str, queue: Queue, stray: Stranger
) -> None:
    put(database, queue, stray)
    assert seen_by(database, project, queue) == [Orphan(stray, queue, 100)]
    restarting = replace(stray, state="RESTARTING")
    put(database, queue, restarting, now=200)
    assert seen_by(database, project, queue) == [Orphan(restarting, queue, 100)]
    put(database, queue)
    assert seen_by(database, project, queue) == []


def test_one_on_a_queue_of_the_services_own_is_seen_by_all_and_else_by_the_queues_project(
    database: Database, project: str, queue: Queue, stray: Stranger
) -> None:
    own = make_queue(database, None)
    put(database, queue, stray)
    put(database, own, replace(stray, id="shared" + stray.id[6:]), now=200)
    assert [each.queue for each in seen_by(database, project, queue, own)] == [queue, own]
    assert [each.queue for each in seen_by(database, make_project(database), queue, own)] == [own]


def test_a_run_of_ours_is_no_orphan(
    database: Database, queue: Queue, stray: Stranger, create: Callable[..., Job]
) -> None:
    put(database, queue, stray)
    give(database, create(queue=queue.name), stray)
    assert put(database, queue, stray) == frozenset()
    with database.read() as tx:
        assert orphans.unexplained(tx, [stray]) == frozenset()


def test_a_stop_that_was_asked_for_is_remembered_while_it_lives(
    database: Database, project: str, queue: Queue, stray: Stranger
) -> None:
    put(database, queue, stray)
    with database.write() as tx:
        orphans.ask_stop(tx, orphans.find(tx, project, stray.id))
    put(database, queue, replace(stray, state="CANCELLING"))
    with database.read() as tx:
        assert (orphans.to_stop(tx, queue), orphans.find(tx, project, stray.id).is_to_stop) == ({stray.id}, True)
    put(database, queue)
    with database.read() as tx:
        assert orphans.to_stop(tx, queue) == set()


def test_one_that_the_project_does_not_see_is_not_there(database: Database, queue: Queue, stray: Stranger) -> None:
    put(database, queue, stray)
    other = make_project(database)
    with database.write() as tx:
        for call in (orphans.find, orphans.take):
            with pytest.raises(NotFound, match=f"Flink job {stray.id} is not among the orphans"):
                call(tx, other, stray.id)


def test_of_two_jobs_that_want_it_at_once_one_has_it(
    database: Database, project: str, queue: Queue, stray: Stranger, create: Callable[..., Job]
) -> None:
    put(database, queue, stray)
    start = threading.Barrier(2)

    def adopt(job: Job) -> bool:
        start.wait()
        try:
            give(database, job, stray)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor() as pool:
        assert sorted(pool.map(adopt, [create(queue=queue.name), create(queue=queue.name)])) == [False, True]


def test_one_that_a_late_look_has_put_back_is_not_taken_twice(
    database: Database, project: str, queue: Queue, stray: Stranger, create: Callable[..., Job]
) -> None:
    put(database, queue, stray)
    with database.read() as tx:
        row = dict(tx.execute(select(STRANGERS).filter_by(flink_job_id=stray.id)).mappings().one())
    give(database, create(queue=queue.name), stray)
    with database.write() as tx:
        tx.execute(STRANGERS.insert().values(row))
    with database.write() as tx, pytest.raises(NotFound, match=f"Flink job {stray.id} is a job's already"):
        orphans.take(tx, project, stray.id)


def test_one_cluster_behind_two_queues_gives_up_its_orphan_on_both(
    database: Database, project: str, queue: Queue, stray: Stranger, create: Callable[..., Job]
) -> None:
    other = make_queue(database, project)
    for each in (queue, other):
        put(database, each, stray)
    with database.read() as tx:
        on = orphans.find(tx, project, stray.id).queue
    give(database, create(queue=on.name), stray)
    assert seen_by(database, project, queue, other) == []
