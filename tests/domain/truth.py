"""What is true of one job, told by its simulated Flink alone, and what goes wrong when its row has it otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from penstock.domain import lifecycle
from penstock.domain.engine import Alive, Ended, Ending, SavepointWritten
from penstock.domain.job import Goal, Job, SavepointOrigin, SavepointRequest, Status
from tests.domain.simulated_flink import SimulatedFlink
from tests.domain.simulated_parts import FlinkJob, Phase, State


class Wrong(StrEnum):
    TWO_LIVE = "two live Flink jobs"
    UNKNOWN = "a live Flink job that the row does not know"
    ORPHAN = "an orphan is left"
    UNSETTLED = "never settled"
    FROM_NOTHING = "started from nothing although there was state"
    STALE = "started from older state than was known"
    UNWANTED = "started from state that was not asked for"
    OVER_BUDGET = "restarted more often than its budget allows"
    MISTOLD = "a savepoint called failed, or written, that is not"
    GIVEN_UP = "a cancel given up while Flink did not answer"
    NOT_SAVED = "called stopped without its savepoint"
    NOT_FINISHED = "called finished, but it was stopped"


@dataclass(frozen=True)
class Expected:
    """What a run may start from."""

    at_least: int
    """The number of the newest state known when the run was planned; 0 is nothing."""
    runs: frozenset[str]
    """Whose states it may be."""


@dataclass
class StateLedger:
    """The newest state that looks have shown and that controllers have lived to record."""

    written: Mapping[str, State]
    newest: int = 0
    """Of this life; until it has written any, the state that it was told to start from."""
    saved: tuple[int, SavepointOrigin] | None = None
    """The savepoint on record."""
    expected: dict[str, Expected] = field(default_factory=dict)
    _shown: set[int] = field(default_factory=set)
    _runs: frozenset[str] = frozenset()
    _began: bool = False

    def run_asked_for(self, *, resume: bool) -> None:
        if resume and self.saved:
            self.newest = self.saved[0]
        elif not resume:
            self.newest = 0
            self.saved = None if self.saved and self.saved[1] is SavepointOrigin.STOP else self.saved
        self._runs = frozenset(state.run_id for state in self.written.values() if state.number == self.newest)
        self._began = False

    def planned(self, run_id: str, *, with_state: bool) -> None:
        self.expected[run_id] = Expected(self.newest, self._runs) if with_state else Expected(0, frozenset())
        self._runs |= {run_id}

    def shown(self, job: Job, seen: Alive | Ended) -> None:
        new = self._newly(seen.checkpoint)
        if job.savepoint_request is not None and isinstance(seen.savepoint, SavepointWritten):
            new |= self._saved(job, self._newly(seen.savepoint.path))
        # Of two that one look shows first, nobody can tell which is the newer.
        self.newest = max(self.newest, min(new, default=0))
        if not self._began and (seen.ran if isinstance(seen, Ended) else seen.all_running):
            self._began = True
            if self.saved and self.saved[1] is SavepointOrigin.STOP:
                self.saved = None
        if isinstance(seen, Ended) and seen.how is Ending.FINISHED:  # Flink deletes the checkpoints
            self.newest = self.saved[0] if self.saved else 0

    def _newly(self, address: str | None) -> set[int]:
        number = self.written[address].number if address else 0
        new = {number} - self._shown - {0}
        self._shown |= new
        return new

    def _saved(self, job: Job, new: set[int]) -> set[int]:
        """Note a savepoint on record; to a restart it is no more than the checkpoint before it.

        Flink itself goes back to checkpoints alone, and may show that one later than the savepoint.
        """
        for number in new:
            stopping = job.goal is Goal.STOP_WITH_SAVEPOINT
            self.saved = (number, SavepointOrigin.STOP if stopping else SavepointOrigin.REQUEST)
            run = [state for state in self.written.values() if job.run and state.run_id == job.run.id]
            return {max((one.number for one in run if one.is_checkpoint and one.number < number), default=number)}
        return new

    def judge_start(self, job: FlinkJob) -> Wrong | None:
        expected = self.expected.get(job.run.id)
        if expected is None:
            return None  # no row knows it, which is judged elsewhere
        if job.start is None:
            return Wrong.FROM_NOTHING if expected.at_least else None
        if job.start.run_id not in expected.runs:
            return Wrong.UNWANTED
        return Wrong.STALE if job.start.number < expected.at_least else None


def judge_now(row: Job, flink: SimulatedFlink) -> set[Wrong]:
    """A submission that was held past every window cannot be told from a stranger's until it is shown."""
    live = {
        run_id for run_id, job in flink.alive().items() if not job.landed_late and job.phase is not Phase.CANCELLING
    }
    wrong = {Wrong.TWO_LIVE} if len(live) > 1 else set()
    if live and (live - {run_id_of(row)} or row.goal is Goal.REST):
        wrong.add(Wrong.UNKNOWN)
    return wrong


def judge_write(before: Job, after: Job, flink: SimulatedFlink) -> Wrong | None:
    """Judge what the row is about to say of a stop or a savepoint."""
    job = flink.jobs.get(run_id_of(before) or "")
    if before.savepoint_request and not after.savepoint_request and job and run_id_of(after) == job.run.id:
        return _judge_savepoint(before.savepoint_request, job, flink)
    match before.goal, after.goal:
        case Goal.STOP_WITH_SAVEPOINT, Goal.REST if job is not None:
            return _judge_saved_stop(before, after, job)
        case Goal.STOP, Goal.WATCH:
            waited = flink.now - max(before.requested_at or 0, flink.answering_since)
            return Wrong.GIVEN_UP if waited < lifecycle.CANCEL_WINDOW_MS else None
    return None


def _judge_savepoint(request: SavepointRequest, job: FlinkJob, flink: SimulatedFlink) -> Wrong | None:
    known = request.trigger_id in flink.failed_triggers or request.trigger_id in job.saved
    too_long = flink.now - request.requested_at >= lifecycle.SAVEPOINT_START_MS
    return None if known or too_long else Wrong.MISTOLD


def _judge_saved_stop(before: Job, after: Job, job: FlinkJob) -> Wrong | None:
    request = before.savepoint_request
    assert request is not None
    saved = request.trigger_id in job.saved
    if after.status is Status.CANCELLED and not saved and job.phase is not Phase.CANCELED:
        return Wrong.NOT_SAVED
    return Wrong.NOT_FINISHED if after.status is Status.FINISHED and job.stopped else None


def is_settled(row: Job, flink: SimulatedFlink) -> bool:
    """Say whether the row and its Flink agree, and nothing is on its way."""
    alive = flink.alive()
    if flink.on_the_way:
        return False
    if row.goal is Goal.REST:
        return not alive
    running = [run_id for run_id, job in alive.items() if job.phase is Phase.RUNNING]
    return row.status in (Status.RUNNING, Status.CANCEL_FAILED) and list(alive) == running == [run_id_of(row)]


def run_id_of(job: Job) -> str | None:
    return job.run.id if job.run else None
