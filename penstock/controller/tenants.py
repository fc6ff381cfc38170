"""The jobs that live on a queue's clusters, as their rows say."""

from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.domain import bucket, calls, history
from penstock.domain.job import Goal, Job, Run, SavepointRequest
from penstock.domain.queue import Queue
from penstock.store import jobs
from penstock.store.database import Database

MOVE_MOST_MS = 120_000
"""How long a job may take to stop with the savepoint that it moves with."""
MOVE_AGAIN_MS = 300_000
"""How long a job whose savepoint has failed is not asked to move again; longer than its cluster waits for it."""


@dataclass
class Tenants:
    queue: Queue
    database: Database
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    _asked_at: dict[str, int] = field(default_factory=dict)
    """When each run was asked to move."""

    def runs(self) -> set[str]:
        """Give the runs that jobs have, or may have in Flink."""
        return {job.run.id for job in self._active() if job.run}

    def hindered_by(self, incarnation: str) -> list[int]:
        """Name the jobs whose state would be lost with a cluster, and that cannot be asked to leave it now."""
        there = self._bound_to(incarnation)
        return [job.id for job in there if not calls.may_move(job) or (job.run and job.run.troubled)]

    def move_off(self, incarnation: str) -> int:
        """Let what runs on a cluster go on elsewhere, and return how many jobs may still leave it."""
        leaving = [job for job in self._on(incarnation) if not self._stays(job)]
        for job in leaving:
            self._move(job)
        return len(leaving)

    def would_lose(self, incarnation: str) -> list[int]:
        """Name the jobs whose state would be lost with a cluster."""
        return [job.id for job in self._bound_to(incarnation)]

    def _bound_to(self, incarnation: str) -> list[Job]:
        """Give those that run on, and have no checkpoint."""
        there = [job for job in self._on(incarnation) if job.goal not in (Goal.STOP, Goal.DELETE)]
        return [job for job in there if job.run and job.run.ran and job.run.checkpoint is None]

    def _move(self, job: Job) -> None:
        now = self.now_ms()
        with self.database.write() as tx:
            before = jobs.get_any(tx, job.id)
            if before.run is None or self._was_asked(before.run) or before.savepoint_request is not None:
                return
            place = bucket.savepoint_path(before, now)
            savepoint = SavepointRequest(self.new_id(), place, now, give_up_at=now + MOVE_MOST_MS)
            after = calls.request_move(before, savepoint)
            if after != before and jobs.record(tx, before, after, now, history.CONTROLLER):
                self._asked_at[before.run.id] = now

    def _stays(self, job: Job) -> bool:
        """Say whether it was asked to move, and could not."""
        return job.run is not None and self._was_asked(job.run) and calls.may_move(job)

    def _was_asked(self, run: Run) -> bool:
        asked_at = self._asked_at.get(run.id)
        return asked_at is not None and self.now_ms() - asked_at < MOVE_AGAIN_MS

    def _on(self, incarnation: str) -> list[Job]:
        return [job for job in self._active() if job.run and job.run.attempts and job.run.cluster == incarnation]

    def _active(self) -> list[Job]:
        with self.database.read() as tx:
            return jobs.active(tx, self.queue)
