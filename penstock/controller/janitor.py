"""Keeps record and buckets in step: savepoints that are gone leave the record, needless checkpoints the buckets.

It goes through the jobs of the queues that this process keeps, a few every ten seconds, on a thread of its own.
"""

import logging
from collections.abc import Callable, Collection

from penstock.controller.rounds import Rounds
from penstock.domain import history, retention
from penstock.domain.errors import Invalid
from penstock.domain.job import Job
from penstock.domain.queue import Holder
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.store import events, jobs, runs
from penstock.store.database import Database
from penstock.store.runs import Folder

log = logging.getLogger(__name__)

_EVERY_S = 10.0
_AT_ONCE = 300


class Janitor:
    """Cleans up after jobs. `holder` names this process among those that keep queues."""

    def __init__(self, database: Database, buckets: Buckets, holder: Holder, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._buckets = buckets
        self._holder = holder
        self._now_ms = now_ms
        self._after_id = 0
        self._complained_of: set[int] = set()
        """The jobs whose buckets could not be used, which is told once."""
        self.rounds = Rounds("janitor", _EVERY_S, self.make_round)

    def make_round(self) -> None:
        """See to the next jobs, by id, and begin again after the last."""
        with self._database.read() as tx:
            found, go_on_at = jobs.kept_by(tx, self._holder, self._now_ms(), self._after_id, _AT_ONCE)
            folders = runs.folders(tx, [job.id for job in found])
        self._after_id = go_on_at
        for job in found:
            if self.rounds.is_stopping:
                return
            if job.unreadable is None:
                self._see_to(job, folders.get(job.id, ()))

    def _see_to(self, job: Job, folders: Collection[Folder]) -> None:
        try:
            self._check_savepoint(job)
            for folder in folders:
                if folder.is_condemned or self._condemn(job, folder):
                    self._remove(folder)
            self._complained_of.discard(job.id)
        except (BucketFailure, Invalid) as error:
            if job.id not in self._complained_of:
                self._complained_of.add(job.id)
                log.warning("job %d: %s", job.id, error)

    def _check_savepoint(self, job: Job) -> None:
        savepoint = job.savepoint
        if savepoint is None or retention.is_on_its_way(job) or not self._buckets.is_gone(savepoint.path):
            return
        with self._database.write() as tx:
            now = self._now_ms()
            after = jobs.record(tx, job, retention.without_savepoint(job), now, history.CONTROLLER)
            if after is not None:
                told = history.remark(
                    after, f"its savepoint is off the record: the files at {savepoint.path} are gone"
                )
                events.append(tx, after, [told], now)

    def _condemn(self, job: Job, folder: Folder) -> bool:
        """Begin the removal of a folder that is needed no more, as the newer state is surely there."""
        if not retention.is_superseded(job, folder.checkpoints):
            return False
        if job.newest_state is not None and self._buckets.state_at(job.newest_state) is None:
            return False
        with self._database.write() as tx:
            unchanged = retention.is_superseded(jobs.get_any(tx, job.id), folder.checkpoints)
            return unchanged and runs.condemn(tx, folder.run_id, self._now_ms())

    def _remove(self, folder: Folder) -> None:
        self._buckets.remove_checkpoints(folder.checkpoints)
        with self._database.write() as tx:
            runs.forget_folder(tx, folder.run_id)
        log.info("removed the checkpoints of run %s: newer state has replaced them", folder.run_id)
