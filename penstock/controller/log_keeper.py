"""Copies the logs of jobs that want it to their buckets, and removes logs that nobody needs any more.

It goes through all logs of this host, on a thread of its own; what fails is tried again, and never touches a job.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from penstock.controller.rounds import Rounds
from penstock.domain import bucket
from penstock.domain.errors import Invalid
from penstock.domain.job import Job
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.job_logs import JobLogs
from penstock.store import jobs, runs
from penstock.store.database import Database
from penstock.store.runs import Owned

log = logging.getLogger(__name__)

RUNS_KEPT = 10
"""How many runs of a job leave their logs."""
FORGOTTEN_AFTER_MS = 3_600_000
"""How long the logs of runs stay that no job has: what runs there may be about to get its row, or be an orphan."""
_AT_ONCE = 500


class LogKeeper:
    def __init__(
        self, database: Database, logs: JobLogs, buckets: Buckets, now_ms: Callable[[], int], every_s: float
    ) -> None:
        self._database = database
        self._logs = logs
        self._buckets = buckets
        self._now_ms = now_ms
        self._complained_of: set[int] = set()
        """The jobs whose buckets could not be used, which is told once."""
        self.rounds = Rounds("log-keeper", every_s, self.make_round)

    def make_round(self) -> None:
        found = sorted(self._logs.run_ids())
        chunks = [found[at : at + _AT_ONCE] for at in range(0, len(found), _AT_ONCE)]
        with self._database.read() as tx:
            owned = [each for these in chunks for each in runs.owned(tx, these)]
            kept = _newest(owned)
            wanted = {job.id: job for these in chunks for job in jobs.with_logs_copied(tx, these)}
        for run_id in found:
            if self.rounds.is_stopping:
                return
            job = wanted.get(kept.get(run_id, 0))
            if job is not None:
                self._copy(job, run_id)
        self._remove(set(found) - kept.keys(), {each.run_id for each in owned})

    def _copy(self, job: Job, run_id: str) -> None:
        begun_at, buckets = self._now_ms(), self._buckets.of_project(job.project_id)
        try:
            with tempfile.TemporaryDirectory() as folder:
                for file in self._logs.to_copy(run_id):
                    content = Path(folder) / file.name
                    if not self._logs.export(run_id, file.name, content):
                        continue
                    buckets.upload(content, bucket.log_path(job, run_id, file.name))
            self._logs.note_copy(run_id, begun_at)
            self._complained_of.discard(job.id)
        except (BucketFailure, Invalid, OSError) as error:
            if job.id not in self._complained_of:
                self._complained_of.add(job.id)
                log.warning("job %d: its logs are not copied: %s", job.id, error)

    def _remove(self, run_ids: Collection[str], owned: Collection[str]) -> None:
        since = self._now_ms() - FORGOTTEN_AFTER_MS
        for run_id in run_ids:
            if run_id in owned or self._logs.written_at(run_id) < since:
                self._logs.remove(run_id)


def _newest(owned: Iterable[Owned]) -> dict[str, int]:
    """Name the runs whose logs are kept, with the jobs that they belong to."""
    kept: dict[str, int] = {}
    count: Counter[int] = Counter()
    for each in sorted(owned, key=lambda each: each.recorded_at, reverse=True):
        count[each.job_id] += 1
        if count[each.job_id] <= RUNS_KEPT:
            kept[each.run_id] = each.job_id
    return kept
