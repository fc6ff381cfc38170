"""The jobs of the queues that a process keeps, a few at a time."""

import uuid
from collections.abc import Callable

import pytest

from penstock.domain import calls
from penstock.domain.history import CONTROLLER
from penstock.domain.job import Job
from penstock.domain.queue import Holder, Queue
from penstock.store import jobs, queues
from penstock.store.database import Database
from tests.store.conftest import draft, make_project

NOW, UNTIL = 1_000, 2_000


@pytest.fixture
def holder() -> Holder:
    return Holder(uuid.uuid4().hex, "here")


@pytest.fixture
def kept(database: Database, project: str, holder: Holder) -> str:
    """The name of a queue of the project that the process keeps."""
    with database.write() as tx:
        queue = queues.create(tx, Queue(uuid.uuid4().hex, cus=8, project_id=project), NOW)
        assert queues.take_lease(tx, queue.id, holder, NOW, UNTIL)
    return queue.name


def kept_ids(database: Database, holder: Holder, now: int = NOW, limit: int = 5) -> list[int]:
    """Go once through all jobs, a few at a time."""
    found, after = [], None
    with database.read() as tx:
        while after != 0:
            part, after = jobs.kept_by(tx, holder, now, after or 0, limit)
            found += [job.id for job in part]
    return found


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_every_job_of_a_kept_queue_comes_once_by_id(
    database: Database, create: Callable[..., Job], kept: str, holder: Holder, limit: int
) -> None:
    expected = [create(queue=kept).id for _ in range(3)]
    create(queue="another")
    assert kept_ids(database, holder, limit=limit) == expected


def test_the_jobs_of_other_processes_queues_are_theirs(
    database: Database, create: Callable[..., Job], kept: str, holder: Holder
) -> None:
    create(queue=kept)
    assert kept_ids(database, Holder("another", "here")) == []
    assert kept_ids(database, holder, now=UNTIL) == []


def test_a_queue_of_one_project_holds_no_jobs_of_another(database: Database, kept: str, holder: Holder) -> None:
    other = make_project(database)
    with database.write() as tx:
        jobs.create(tx, draft(other, queue=kept), CONTROLLER)
    assert kept_ids(database, holder) == []


def test_deleted_jobs_are_left_alone(
    database: Database, create: Callable[..., Job], kept: str, holder: Holder
) -> None:
    job = create(queue=kept)
    with database.write() as tx:
        assert jobs.record(tx, job, calls.request_delete(job, NOW), NOW, CONTROLLER)
    assert kept_ids(database, holder) == []
