"""The closer look at single runs: what the overview does not tell, asked only when it shows a change.

Details of a run that were not asked for now are repeated from memory. Those of running jobs (newest checkpoint,
restarts) are renewed in a slow rotation: `_AT_ONCE` runs a look, each every `_RENEW_S` seconds.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from penstock.domain.engine import (
    Alive,
    Ended,
    Ending,
    SavepointState,
    Shown,
    Watched,
)
from penstock.flink import failures
from penstock.flink.answers import JobRow, Subtask
from penstock.flink.buckets import Buckets
from penstock.flink.rest import FlinkRest, RestError
from penstock.flink.savepoints import Savepoints

_AT_ONCE = 3
_RENEW_S = 5.0
_FIRST_RENEWAL_S = 1.0
_PATIENCE_S = 5.0  # an ended run is told as alive until its details are there, but no longer than this
_RESTART_LOOKS = 2  # after a change: they lag by 2 s, and each makes the JobManager collect every metric
_SKEW_MS = 10_000  # Flink's clock is perhaps not ours
_EARLIER_ATTEMPTS = 64  # requests that the question "did it ever run" is worth

_Detail = TypeVar("_Detail")


@dataclass
class _Memory:
    """What is known of one run."""

    row: JobRow | None = None
    ran: bool = False
    restarts: int = 0
    restart_looks: int = 0
    """How often more the restarts are to be asked for: they change only when the row of a job that ran does."""
    cause: str | None = None
    restore_failed: bool = False
    checkpoint: str | None = None
    plan: str | None = None
    renew_at: float = 0.0
    ask_until: float | None = None
    is_complete: bool = False
    """The run has ended, and nothing more is to be learnt of it."""


class Closeup:
    """Turns rows of the overview into observations. For one thread at a time."""

    def __init__(self, rest: FlinkRest, buckets: Buckets, advised: Callable[[str], str] = str) -> None:
        self._rest = rest
        self._buckets = buckets
        self._advised = advised
        self._savepoints = Savepoints(rest, buckets)
        self._memories: dict[str, _Memory] = {}

    def observe(
        self, rows: Mapping[str, JobRow], watched: Collection[Watched], sent_at: int, answering_since: int
    ) -> dict[str, Alive | Ended]:
        """Return what is known of the watched runs that the overview shows; raises `RestUnavailable`."""
        self._memories = {jid: memory for jid, memory in self._memories.items() if jid in rows}
        shown = [each for each in watched if each.run_id in rows]
        for each in shown:
            self._learn(rows[each.run_id], answering_since)
        self._renew([rows[each.run_id] for each in shown])
        savepoints = self._savepoints.observe(
            shown, [each.run_id for each in shown if _is_ended(rows[each.run_id])]
        )
        seen: dict[str, Alive | Ended] = {}
        for each in shown:
            row, memory = rows[each.run_id], self._memories[each.run_id]
            seen[row.jid] = _seen(row, memory, savepoints.get(row.jid), (sent_at, answering_since))
        return seen

    def _learn(self, row: JobRow, answering_since: int) -> None:
        memory = self._memories.get(row.jid)
        if memory is None:
            memory = self._memories[row.jid] = _Memory()
            if row.start_time < answering_since + _SKEW_MS:  # it may have been restarted before anybody looked
                memory.restart_looks = _RESTART_LOOKS
        if _is_ended(row):
            self._learn_ending(row, memory)
        else:
            self._learn_change(row, memory)
        memory.row = row

    def _learn_change(self, row: JobRow, memory: _Memory) -> None:
        is_new, in_trouble = row != memory.row, row.state in ("RESTARTING", "FAILING")
        if is_new and (memory.ran or in_trouble):
            memory.restart_looks = _RESTART_LOOKS
        if in_trouble and (is_new or memory.cause is None):
            with contextlib.suppress(RestError):  # one job's trouble must not blind us to the others
                self._learn_cause(row.jid, memory)
                self._learn_figures(row.jid, memory)
        if row.all_running and is_new:
            memory.cause, memory.restore_failed, memory.ran = None, False, True
            memory.renew_at = time.monotonic() + _FIRST_RENEWAL_S
            with contextlib.suppress(RestError):
                memory.plan = memory.plan or _ask(lambda: self._rest.plan(row.jid))

    def _learn_ending(self, row: JobRow, memory: _Memory) -> None:
        """Ask all that Flink still knows, at the next look again where it fails to say: a wrong `ran` misleads."""
        if memory.is_complete:
            return
        memory.ask_until = memory.ask_until or time.monotonic() + _PATIENCE_S
        with contextlib.suppress(RestError):
            if row.state == Ending.CANCELED and memory.ran:  # many may be stopped at once
                self._learn_figures(row.jid, memory)
                memory.is_complete = True
                return
            job = _ask(lambda: self._rest.job(row.jid))
            if job is None or job.state == row.state:
                self._learn_attempts(row, memory, [vertex.id for vertex in job.vertices] if job else [])
                memory.is_complete = True
        memory.is_complete |= time.monotonic() > memory.ask_until

    def _learn_cause(self, jid: str, memory: _Memory) -> None:
        trace = _ask(lambda: self._rest.newest_failure(jid))
        if trace is not None:
            memory.cause = self._advised(failures.root_cause(self._buckets.scrub(trace)))
            memory.restore_failed = failures.is_restore_failure(trace)

    def _learn_figures(self, jid: str, memory: _Memory) -> None:
        memory.renew_at = time.monotonic() + _RENEW_S  # first, so that a job in trouble waits for its turn again
        newest = _ask(lambda: self._rest.newest_checkpoint(jid))
        memory.checkpoint = self._buckets.address(newest) if newest else None
        if memory.restart_looks > 0:
            memory.restart_looks -= 1
            memory.restarts = max(memory.restarts, _ask(lambda: self._rest.restarts(jid)) or 0)
        memory.plan = memory.plan or _ask(lambda: self._rest.plan(jid))

    def _learn_attempts(self, row: JobRow, memory: _Memory, vertices: Iterable[str]) -> None:
        """Find what no look saw: why it failed, whether all its tasks ran, and how often it was restarted."""
        self._learn_figures(row.jid, memory)
        if row.state == Ending.FAILED:
            self._learn_cause(row.jid, memory)
        newest = {vertex: self._rest.subtasks(row.jid, vertex) for vertex in vertices}
        attempts = [attempt for subtasks in newest.values() for attempt in subtasks]
        last = max((attempt.attempt for attempt in attempts), default=0)
        memory.restarts = max(memory.restarts, last)
        memory.ran |= row.state == Ending.FINISHED or memory.checkpoint is not None or _all_ran(attempts)
        if not memory.ran and 0 < last * len(attempts) <= _EARLIER_ATTEMPTS:
            memory.ran = any(self._ran_at(row.jid, newest, number) for number in range(last))

    def _ran_at(self, jid: str, newest: Mapping[str, list[Subtask]], number: int) -> bool:
        places = [(vertex, each.subtask) for vertex, subtasks in newest.items() for each in subtasks]
        asked = _ask(lambda: [self._rest.attempt(jid, *place, number) for place in places])
        return _all_ran(asked or [])

    def _renew(self, rows: Iterable[JobRow]) -> None:
        now = time.monotonic()
        due = [(self._memories[row.jid].renew_at, row.jid) for row in rows if row.all_running]
        for renew_at, jid in sorted(due)[:_AT_ONCE]:
            if renew_at <= now:
                with contextlib.suppress(RestError):
                    self._learn_figures(jid, self._memories[jid])


def _ask(question: Callable[[], _Detail]) -> _Detail | None:
    """Ask for a detail that Flink may not have (any more); raises the errors that do not say so."""
    try:
        return question()
    except RestError as error:
        if error.status not in (400, 404):
            raise
        return None


def _all_ran(attempts: Collection[Subtask]) -> bool:
    return bool(attempts) and all(attempt.ran for attempt in attempts)


def _is_ended(row: JobRow) -> bool:
    return row.state in Ending.__members__


def _seen(row: JobRow, memory: _Memory, savepoint: SavepointState | None, times: tuple[int, int]) -> Alive | Ended:
    sent_at, answering_since = times
    is_well = memory.is_complete and row.state != Ending.FAILED
    shown = Shown(
        sent_at=sent_at,
        started_at=row.start_time,
        restarts=memory.restarts,
        cause=None if is_well else memory.cause,
        restore_failed=memory.restore_failed,
        checkpoint=memory.checkpoint,
        savepoint=savepoint,
        plan=memory.plan,
        name=row.name,
        state=row.state if memory.is_complete or not _is_ended(row) else "",
    )
    if memory.is_complete:
        return Ended(**vars(shown), how=Ending(row.state), ended_at=row.end_time, ran=memory.ran)
    return Alive(
        **vars(shown),
        answering_since=answering_since,
        all_running=row.all_running,
        cancelling=row.state == "CANCELLING",
    )
