"""The Flink jobs on a queue's cluster that are no job's run: our earlier ones are ended, orphans kept on record."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from penstock.domain.engine import Cancel, Engine, EngineUnavailable, Overview, Stranger
from penstock.domain.queue import Queue
from penstock.store import jobs, orphans
from penstock.store.database import Database

log = logging.getLogger(__name__)


@dataclass
class Strangers:
    queue: Queue
    database: Database
    engine: Engine
    now_ms: Callable[[], int]
    _on_record: frozenset[Stranger] | None = None
    """The orphans as last written; None: they were not since the start."""

    def deal_with(self, seen: Overview) -> None:
        """End the runs that no job has any more, and the orphans whose end was asked for.

        A submission that was held up somewhere can land at any time.
        """
        if not seen.strangers and self._on_record == frozenset():
            return
        with self.database.read() as tx:
            superseded = jobs.superseded(tx, seen.strangers)
            to_stop = orphans.to_stop(tx, self.queue) & seen.strangers.keys()
            unexplained = orphans.unexplained(tx, seen.strangers.values())
        if unexplained != self._on_record and seen.is_whole:
            with self.database.write() as tx:
                self._on_record = orphans.put(tx, self.queue, unexplained, self.now_ms())
        for run_id in superseded:
            log.warning("Flink job %s was superseded and lives; cancelling it", run_id)
        self._cancel(superseded | to_stop)

    def _cancel(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            try:
                self.engine.perform(Cancel(run_id))
            except EngineUnavailable as error:
                log.warning("no answer to the cancel of %s: %s", run_id, error)
