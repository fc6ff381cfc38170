"""One queue's keeper: its threads, and what it lets in."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from penstock.controller.keeper import Keeper, Means
from penstock.domain import calls
from penstock.domain.job import Job, JobConfig, Status
from penstock.domain.queue import Queue
from penstock.store import jobs, queues
from penstock.store.database import Database
from penstock.telemetry import Metrics
from tests.controller.queues_world import FakeCluster, wait_until
from tests.controller.world import CALLER, Clock
from tests.store.conftest import draft


class Kept:
    """A queue with its keeper, whose threads run in real time."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project
        self._ids = iter(range(1, 1_000))
        self.clock = Clock()
        with database.write() as tx:
            self.queue = queues.create(tx, Queue("kept", 8, 8, project), now=1)
        self.keeper = Keeper(self.queue, Means(database, self.clock, self._new_id, Metrics(), self._make_cluster))

    def _make_cluster(self, queue: Queue, on_ready: Callable[[], None]) -> FakeCluster:
        self.cluster = FakeCluster(self.clock, on_ready)
        return self.cluster

    def _new_id(self) -> str:
        return f"{self.queue.id:016x}{next(self._ids):016x}"

    def started(self, **config: Any) -> int:
        with self._database.write() as tx:
            made = draft(self._project, queue=self.queue.name, sql="endless", config=JobConfig(**config))
            job = jobs.create(tx, made, CALLER)
            now = self.clock()
            jobs.record(tx, job, calls.request_run(job, resume=False, now=now), now, CALLER)
        return job.id

    def see(self, job_id: int) -> Job:
        with self._database.read() as tx:
            return jobs.get(tx, self._project, job_id)

    def wait_for(self, job_id: int, status: Status) -> Job:
        def is_so() -> bool:
            self.keeper.wake()
            return self.see(job_id).status is status

        wait_until(is_so)
        return self.see(job_id)

    def wait_for_reason(self, job_id: int, reason: str) -> None:
        def is_so() -> bool:
            self.keeper.wake()
            return self.see(job_id).reason == reason

        wait_until(is_so)


@pytest.fixture
def kept(database: Database, project: str) -> Iterator[Kept]:
    kept = Kept(database, project)
    yield kept
    kept.keeper.stop(end_cluster=False)


def test_jobs_wait_until_the_cluster_is_ready_and_run_then(kept: Kept) -> None:
    kept.cluster.not_ready = "Flink is starting"
    kept.keeper.start()
    job = kept.started()
    kept.wait_for_reason(job, "waiting for queue 'kept': Flink is starting")
    kept.cluster.become_ready()
    assert kept.wait_for(job, Status.RUNNING).reason == ""


def test_the_size_of_the_queue_is_that_of_its_last_update(kept: Kept) -> None:
    kept.keeper.start()
    kept.wait_for(kept.started(cus=6), Status.RUNNING)
    waiting = kept.started(cus=6)
    kept.wait_for_reason(waiting, "waiting for room on queue 'kept': needs 6 CUs and 1 slots, free are 2 and 7")
    kept.keeper.update(replace(kept.queue, cus=12))
    kept.wait_for(waiting, Status.RUNNING)


def test_slots_count_only_where_jobs_share_a_cluster(kept: Kept) -> None:
    kept.cluster.slots = None
    kept.keeper.start()
    kept.wait_for(kept.started(parallelism=100), Status.RUNNING)


def test_more_submissions_than_can_be_sent_at_once_are_recorded_only_as_they_are_sent(kept: Kept) -> None:
    """How long one may still land counts from its record."""
    kept.cluster.submissions_hang.set()
    kept.keeper.start()
    asked = [kept.started(cus=0, parallelism=0) for _ in range(12)]
    wait_until(lambda: kept.cluster.hanging_submissions == 8)
    assert sum(kept.see(job).run is not None for job in asked) == 8
    kept.cluster.answer()
    for job in asked:
        kept.wait_for(job, Status.RUNNING)


@pytest.mark.parametrize(("end_cluster", "told"), [(True, "ended"), (False, "left alone")])
def test_no_thread_outlives_the_keeper(kept: Kept, end_cluster: bool, told: str) -> None:
    kept.keeper.start()
    kept.wait_for(kept.started(), Status.RUNNING)
    before = threading.active_count()
    kept.keeper.stop(end_cluster=end_cluster)
    wait_until(lambda: threading.active_count() <= before - 9)
    assert kept.cluster.stopped == told
