"""The jobs that live on a queue's clusters, as their rows say."""

from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.domain import bucket, calls, history
from penstock.domain.job import Job, SavepointRequest
from penstock.domain.queue import Queue
from penstock.store import jobs
from penstock.store.database import Database

MOVE_MOST_MS = 120_000
"""How long a job may take to stop with the savepoint that it moves with."""


@dataclass
class Tenants:
    queue: Queue
    database: Database
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    _asked: set[str] = field(default_factory=set)
    """The runs that were asked to move; one whose savepoint fails is not asked again."""

    def runs(self) -> set[str]:
        """Give the runs that jobs have, or may have in Flink."""
        return {job.run.id for job in self._active() if job.run}

    def move_off(self, incarnation: str) -> int:
        """Let what runs on a cluster go on elsewhere, and return how many jobs are still there."""
        there = [job for job in self._active() if job.run and job.run.attempts and job.run.cluster == incarnation]
        for job in there:
            self._move(job)
        return len(there)

    def _move(self, job: Job) -> None:
        now = self.now_ms()
        with self.database.write() as tx:
            before = jobs.get_any(tx, job.id)
            if before.run is None or before.run.id in self._asked or before.savepoint_request is not None:
                return
            place = bucket.savepoint_path(before, now)
            savepoint = SavepointRequest(self.new_id(), place, now, give_up_at=now + MOVE_MOST_MS)
            after = calls.request_move(before, savepoint)
            if after != before and jobs.record(tx, before, after, now, history.CONTROLLER):
                self._asked.add(before.run.id)

    def _active(self) -> list[Job]:
        with self.database.read() as tx:
            return jobs.active(tx, self.queue)
