"""What is true of one job, told by its simulated Flink alone, and what goes wrong when its row has it otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from penstock.domain import lifecycle
from penstock.domain.engine import Absent, Alive, Ended, Ending, Gone, Observation, SavepointWritten
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
    TWICE = "one run on two clusters"
    MISCOUNTED = "restarts counted that were none, or none counted"
    UNASKED = "restarted, or begun from nothing, against its settings"
    ABANDONED = "ended by us, and not started again"
    FORGOTTEN = "the savepoint that it has stopped with is forgotten"
    SILENT = "called unreachable while it answers"


NEVER = 10**9
"""The number of a state that does not exist."""


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

    def imported(self, number: int | None) -> None:
        """Note a savepoint that the user put on record; nothing can start from one that is not there."""
        self.saved = (number or NEVER, SavepointOrigin.IMPORT)

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

    def shown(self, job: Job, seen: Absent | Gone | Alive | Ended) -> None:
        request, saved = job.savepoint_request, 0
        new = self._newly(seen.checkpoint)
        if request is not None and isinstance(seen.savepoint, SavepointWritten):
            saved = self.written[seen.savepoint.path].number
            new |= set() if request.moves else self._saved(job, self._newly(seen.savepoint.path))
        # Of two that one look shows first, nobody can tell which is the newer.
        self.newest = max(self.newest, min(new, default=0))
        if not self._began and _has_run(seen):
            self._began = True
            if self.saved and self.saved[1] is SavepointOrigin.STOP:
                self.saved = None
        if isinstance(seen, Ended) and seen.how is Ending.FINISHED:  # Flink deletes the checkpoints
            self.newest = saved or (self.saved[0] if self.saved else 0)
        elif isinstance(seen, Absent | Gone) and seen.checkpoint is None and request is not None and request.moves:
            self.newest = saved or self.newest

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
            run = [one for one in self.written.values() if one.run_id == run_id_of(job) and one.is_checkpoint]
            if not stopping and any(one.number in self._shown for one in run):
                return set()
            return {max((one.number for one in run if one.number < number), default=number)}
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


def _has_run(seen: Absent | Gone | Alive | Ended) -> bool:
    match seen:
        case Alive():
            return seen.all_running
        case Ended():
            return seen.ran
    return seen.checkpoint is not None


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
    job = flink.past.get(run_id_of(before) or "")
    if job and job.stopped and after.goal is Goal.REST and after.deleted_at is None and _forgets(after, job, flink):
        return Wrong.FORGOTTEN
    if before.savepoint_request and not after.savepoint_request and job and run_id_of(after) == job.run.id:
        return _judge_savepoint(before.savepoint_request, job, flink)
    match before.goal, after.goal:
        case Goal.RUN, Goal.REST if job and job.stopped and after.status is Status.FINISHED:
            return Wrong.NOT_FINISHED
        case Goal.STOP_WITH_SAVEPOINT, Goal.REST if job is not None:
            return _judge_saved_stop(before, after, job)
        case Goal.STOP, Goal.WATCH:
            waited = flink.now - max(before.requested_at or 0, flink.answering_since)
            return Wrong.GIVEN_UP if waited < lifecycle.CANCEL_WINDOW_MS else None
    return None


def _forgets(after: Job, job: FlinkJob, flink: SimulatedFlink) -> bool:
    state = job.saved.get(job.stop_trigger or "")
    known = (after.newest_state, after.savepoint and after.savepoint.path)
    return state in flink.stored and state is not None and state.address not in known


def judge_next_run(before: Job, after: Job, seen: Observation, flink: SimulatedFlink) -> Wrong | None:
    """Judge another run of the same life, after what was seen of the last one."""
    if after.started_at is None or before.run is None:
        return None
    of_flink = max(0, seen.restarts - before.run.flink_restarts) if isinstance(seen, Alive | Ended) else 0
    has_failed = not ended_by_us(before, seen, flink)
    if after.restart_count - before.restart_count != of_flink + has_failed:
        return Wrong.MISCOUNTED
    may_restart = before.config.restart_on_failure
    from_nothing = after.run is not None and after.run.resume_from is None
    return Wrong.UNASKED if not may_restart and (has_failed or from_nothing) else None


def ended_by_us(job: Job, seen: Observation, flink: SimulatedFlink) -> bool:
    """Say whether the run has ended because we have stopped it to move, or its cluster."""
    moves = job.savepoint_request is not None and job.savepoint_request.moves
    if isinstance(
        seen, Gone
    ):  # of a job that never wrote a checkpoint nobody can tell whether it had stopped already
        return seen.planned or (moves and seen.savepoint is not None and seen.checkpoint is None)
    run = flink.past.get(run_id_of(job) or "")
    return moves and run is not None and run.stopped


def judge_end(before: Job, after: Job, seen: Observation, flink: SimulatedFlink) -> Wrong | None:
    """Judge whether a job that was to run may rest, of which a look says this."""
    run, goals = before.run, (before.goal, after.goal)
    if goals != (Goal.RUN, Goal.REST) or run is None or run.doomed or run.refused:
        return None
    state = flink.written.get(after.newest_state or after.restore_point or "")
    return Wrong.ABANDONED if ended_by_us(before, seen, flink) and state in flink.stored else None


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
