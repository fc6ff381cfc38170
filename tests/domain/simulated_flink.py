"""A Flink in memory that is slow, away, forgetful and failing at random, and knows what really lives there.

It is a cluster that the service starts, one incarnation after another, or one that others keep up, which has none.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from penstock.domain.engine import (
    Absent,
    Action,
    Alive,
    Cancel,
    Ended,
    Ending,
    Gone,
    Refused,
    SavepointFailed,
    SavepointRunning,
    SavepointState,
    SavepointWritten,
    Shown,
    StopWithSavepoint,
    Submit,
    TriggerSavepoint,
    Unreachable,
)
from penstock.domain.job import Job, Run, SavepointRequest
from penstock.domain.lifecycle import SUBMIT_WINDOW_MS
from tests.domain.simulated_parts import ENDS, FlinkJob, Phase, State, Temper

LATE_MS = 170_000
"""A slow submission lands within this time while Flink answers; one that was held lands after any window."""
HELD_MS = 400_000
UNUSABLE = "obs://full/"
"""No savepoint can be written here."""
RECOVERY_MS = 25_000
"""How long a JobManager that is back may not show the jobs that it recovers."""
HANGS_MS = (120_000, 10_000_000)


@dataclass
class Posted:
    """A submission on its way."""

    due: int
    held: bool
    job: Job


class Lost(Exception):
    """The answer never came; the act may have happened, or may happen later."""


class SimulatedFlink:
    """Its jobs, and the states that they have written; `on_start` is told what each of them starts from."""

    def __init__(self, dice: random.Random, on_start: Callable[[FlinkJob], None]) -> None:
        self.dice = dice
        self.temper = Temper.of(dice)
        self.is_ours = dice.random() < 0.5
        self.incarnation = 1
        self.may_hang = True
        self.ended: set[str] = set()
        """The incarnations that we have ended ourselves."""
        self.now = 1_000_000
        self.answering_since = self.now
        self.jobs: dict[str, FlinkJob] = {}
        self.taken: set[str] = set()
        """Ids that it refuses, even when it no longer shows them."""
        self.on_the_way: list[Posted] = []
        self.belated: set[str] = set()
        """Runs that a paused controller has sent long after it recorded that."""
        self.away = self.is_dead = self.quiet = False
        self.turned = self.now
        """When it was last gone or back."""
        self.died_at = 0
        self.recovering_until = 0
        self.written: dict[str, State] = {}
        """Every state that was ever complete, by address."""
        self.stored: set[State] = set()
        """Those that still lie in the bucket."""
        self.saved: dict[str, State] = {}
        """The savepoint of each trigger."""
        self.failed_triggers: set[str] = set()
        self.past: dict[str, FlinkJob] = {}
        """Every job that ever lived there."""
        self._on_start = on_start

    @property
    def cluster(self) -> str:
        return f"unit{self.incarnation}" if self.is_ours else ""

    def alive(self) -> dict[str, FlinkJob]:
        return {run_id: job for run_id, job in self.jobs.items() if job.alive}

    # --- what a controller sees and does ---

    def look(self, job: Job) -> Unreachable | Absent | Gone | Alive | Ended:
        self.now += 1
        if self.away:
            return Unreachable("away", self.turned)
        if job.run is None:
            return Absent(self.now, self.answering_since, self.cluster)
        found = self.jobs.get(job.run.id)
        if job.run.cluster not in (None, self.cluster):
            planned = job.run.cluster in self.ended
            return Gone(self.now, "its cluster is gone", planned, *self._left_by(job.run, job.savepoint_request))
        if found is None or self.now < self.recovering_until:
            left = self._left_by(job.run, job.savepoint_request)
            return Absent(self.now, self.answering_since, self.cluster, *left)
        shown = Shown(
            sent_at=self.now,
            started_at=1,
            restarts=found.restarts,
            cause=found.cause,
            restore_failed=not found.fits and found.cause is not None,
            checkpoint=found.reported.address if found.reported else None,
            savepoint=self._savepoint_of(found, job.savepoint_request),
        )
        if not found.alive:
            return Ended(**vars(shown), how=Ending(found.phase), ended_at=found.ended_at, ran=found.ran)
        return Alive(
            **vars(shown),
            answering_since=self.answering_since,
            all_running=found.phase is Phase.RUNNING,
            cancelling=found.phase is Phase.CANCELLING,
        )

    def _left_by(self, run: Run, request: SavepointRequest | None) -> tuple[str | None, SavepointWritten | None]:
        """Find the newest checkpoint of a run in its folder, and the savepoint that was asked of it."""
        own = [state for state in self.stored if state.run_id == run.id]
        newest = max((one for one in own if one.is_checkpoint), key=lambda one: one.number, default=None)
        saved = self.saved.get(request.trigger_id) if request else None
        there = SavepointWritten(saved.address) if saved and saved in own else None
        return newest.address if newest else None, there

    def _savepoint_of(self, job: FlinkJob, request: SavepointRequest | None) -> SavepointState | None:
        if request is None:
            return None
        saved = job.saved.get(request.trigger_id)
        return job.savepoints.get(request.trigger_id) or (SavepointWritten(saved.address) if saved else None)

    def perform(self, action: Action) -> None:
        self.now += 1
        if self.away or (not self.quiet and self._happens(self.temper.lossy)):
            raise Lost
        match action:
            case Submit(job) if job.run and job.run.cluster not in (None, self.cluster):
                raise Lost
            case Submit(job):
                self._submit(job)
            case Cancel(run_id) if run_id in self.jobs:
                if self.jobs[run_id].alive:
                    self._turn(self.jobs[run_id], Phase.CANCELLING)
            case TriggerSavepoint(run_id, request) | StopWithSavepoint(run_id, request) if run_id in self.jobs:
                self._savepoint(self.jobs[run_id], request, stop=isinstance(action, StopWithSavepoint))

    def _submit(self, job: Job) -> None:
        assert job.run is not None
        if job.run.id not in self.taken and self._happens(self.temper.refused):
            raise Refused("bad SQL")
        self._state_for(job.run)
        held = self._happens(self.temper.held)
        if held or self._happens(self.temper.slow):
            earliest = self.dice.choice((1_000, LATE_MS - 10_000))
            delay = HELD_MS if held else self.dice.randint(earliest, earliest + 10_000)
            self.on_the_way.append(Posted(self.now + delay, held, job))
            raise Lost
        self._land(job, late=False)

    def _land(self, job: Job, *, late: bool) -> None:
        """Take a submission, unless its id was taken before; raises `Refused` when its state is not there."""
        run = job.run
        assert run is not None
        if run.id in self.taken:
            return
        start = self._state_for(run)
        self.taken.add(run.id)
        self.jobs[run.id] = FlinkJob(run, job.sql, start, self.cluster, late or self._is_too_late(run))
        self._on_start(self.jobs[run.id])
        self.past[run.id] = self.jobs[run.id]

    def _is_too_late(self, run: Run) -> bool:
        """Say whether it lands after every window, or after a death of a cluster that looks the same since."""
        since = run.sent_at if run.id in self.belated else max(run.sent_at, self.answering_since)
        aged = self.now - since >= SUBMIT_WINDOW_MS
        return aged or (not self.is_ours and self.died_at > run.sent_at)

    def _state_for(self, run: Run) -> State | None:
        """Find the state to start from; of a checkpoint the newest complete one of its run, as the engine does."""
        if run.resume_from is None:
            return None
        named = self.written.get(run.resume_from)
        there = [state for state in self.stored if named and (state == named or _beside(state, named))]
        if not there:
            raise Refused("there is no state", state_missing=True)
        return max(there, key=lambda state: state.number)

    def _savepoint(self, job: FlinkJob, request: SavepointRequest, *, stop: bool) -> None:
        if not job.alive or request.trigger_id in job.savepoints:
            return
        if request.target == UNUSABLE:
            self.failed_triggers.add(request.trigger_id)
            raise Refused("nothing can be written there")
        job.savepoints[request.trigger_id] = SavepointRunning()
        job.stop_trigger = request.trigger_id if stop else None
        if self.may_hang and self._happens(self.temper.hanging):
            job.hung[request.trigger_id] = self.now + self.dice.choice(HANGS_MS)
        if job.phase is not Phase.RUNNING:
            self._fail_savepoints(job, "not all tasks are running")

    # --- what happens there ---

    def let_pass(self, *, quiet: bool) -> None:
        """Let some seconds pass; in quiet times every trouble ends, and none begins."""
        self.quiet = quiet
        elapsed = self.dice.randint(1_000, 8_000)
        self.now += elapsed
        self._deliver(elapsed)
        for job in self.jobs.values():
            if self.now >= self.recovering_until:
                self._live(job)
        if self.away and (quiet or self._happens(self.temper.comeback)):
            self._come_back()
        elif not quiet and not self.away and self._happens(self._outage_now()):
            self._go_away()

    def _deliver(self, elapsed: int) -> None:
        for posted in list(self.on_the_way):
            if self.away:
                posted.due += elapsed  # what was sent to a JobManager that is paused waits there
            elif posted.due <= self.now:
                self.on_the_way.remove(posted)
                try:
                    self._land(posted.job, late=posted.held)
                except Refused:
                    continue

    def _outage_now(self) -> float:
        return 0.5 if self.now < self.recovering_until else self.temper.outage

    def _go_away(self) -> None:
        self.away, self.turned = True, self.now
        if self._happens(self.temper.dying):
            self._die()

    def end_on_purpose(self) -> None:
        if not self.is_dead:
            self.ended.add(self.cluster)
            self.away, self.turned = True, self.turned if self.away else self.now
            self._die()

    def _die(self) -> None:
        """End all processes of the unit; only what they have stored remains."""
        self.is_dead, self.died_at = True, self.now
        self.jobs.clear()
        self.taken.clear()
        self.on_the_way.clear()

    def _come_back(self) -> None:
        self.away, self.answering_since = False, self.now
        self.turned = self.now
        if self.is_ours:
            self.incarnation += self.is_dead
        elif self.now < self.recovering_until or (not self.quiet and self._happens(self.temper.forgetful)):
            self._recover()
        self.is_dead = False

    def _recover(self) -> None:
        """A new JobManager takes over: what has ended is forgotten, what lives is shown after a while."""
        self.recovering_until = self.now + self.dice.randint(5_000, RECOVERY_MS)
        self.jobs = self.alive()
        for job in self.jobs.values():
            job.savepoints.clear()
            job.stop_trigger = None
            if job.phase is not Phase.CANCELLING:
                job.phase = Phase.CREATED

    def _live(self, job: FlinkJob) -> None:
        match job.phase:
            case Phase.CANCELLING if self.quiet or not self._happens(self.temper.stuck):
                self._turn(job, Phase.CANCELED)
            case Phase.CREATED | Phase.RESTARTING:
                self._start(job)
            case Phase.RUNNING:
                self._write(job)
                self._meet_fate(job)

    def _start(self, job: FlinkJob) -> None:
        if not job.fits or (not self.quiet and self._happens(self.temper.failing)):
            self._fail(job)
        elif self._happens(0.6):
            job.cause, job.ran = None, True
            self._turn(job, Phase.RUNNING)

    def _fail(self, job: FlinkJob) -> None:
        """Fail for good, or be restarted in place, as is for ever what does not fit its state."""
        job.cause = "/ by zero" if job.fits else "StateMigrationException"
        if job.fits and self._happens(0.6):
            self._turn(job, Phase.FAILED)
        else:
            self._restart(job)

    def _restart(self, job: FlinkJob) -> None:
        job.restarts += 1
        self._turn(job, Phase.RESTARTING)

    def _write(self, job: FlinkJob) -> None:
        if self._happens(self.temper.checkpointing):
            checkpoint = self._new_state(job, is_checkpoint=True)
            kept = sorted((state for state in self.stored if _beside(state, checkpoint)), key=lambda s: s.number)
            self.stored -= set(kept[:-2])
            if self._happens(0.5):
                job.reported = checkpoint
        for trigger, state in job.savepoints.items():
            if isinstance(state, SavepointRunning) and job.hung.get(trigger, 0) <= self.now and self._happens(0.5):
                self._finish_savepoint(job, trigger)

    def _finish_savepoint(self, job: FlinkJob, trigger: str) -> None:
        if self._happens(self.temper.savepoint_trouble):
            self._fail_savepoints(job, "a task is gone")
            job.stop_trigger = None
        else:
            self.saved[trigger] = job.saved[trigger] = self._new_state(job, is_checkpoint=False)
            job.savepoints[trigger] = SavepointWritten(job.saved[trigger].address)

    def _new_state(self, job: FlinkJob, *, is_checkpoint: bool) -> State:
        state = State(len(self.written) + 1, job.run.id, job.sql, is_checkpoint)
        self.written[state.address] = state
        self.stored.add(state)
        return state

    def _meet_fate(self, job: FlinkJob) -> None:
        stopping = job.stop_trigger and job.savepoints.get(job.stop_trigger)
        if isinstance(stopping, SavepointWritten):
            self._end_saved(job)
        elif self.quiet:
            return
        elif self._happens(self.temper.failing):
            self._fail(job)
        elif self._happens(self.temper.finishing):
            self._turn(job, Phase.FINISHED)
        elif self._happens(0.002):
            self._turn(job, Phase.CANCELED)

    def _end_saved(self, job: FlinkJob) -> None:
        """Finish after the savepoint of a stop, or fail at the last moment; its answer may be forgotten then."""
        assert job.stop_trigger is not None
        if not self.quiet and self._happens(self.temper.savepoint_trouble):
            del job.savepoints[job.stop_trigger]
            job.stop_trigger = None
            self._restart(job)
        elif self._happens(0.6):
            job.stopped = True
            self._turn(job, Phase.FINISHED)
            if self._happens(self.temper.savepoint_trouble / 2):  # and its files were moved away
                del job.savepoints[job.stop_trigger]
                self.stored.discard(job.saved.pop(job.stop_trigger))

    def _turn(self, job: FlinkJob, phase: Phase) -> None:
        job.phase = phase
        if phase is not Phase.RUNNING:
            self._fail_savepoints(job, "the job is not running")
        if phase in ENDS:
            job.ended_at = self.now
            checkpoints = [state for state in self.stored if state.is_checkpoint and state.run_id == job.run.id]
            job.reported = max(checkpoints, key=lambda state: state.number, default=None)
        if phase is Phase.FINISHED:
            self.stored -= {state for state in self.stored if state.is_checkpoint and state.run_id == job.run.id}

    def _fail_savepoints(self, job: FlinkJob, cause: str) -> None:
        for trigger, state in job.savepoints.items():
            if isinstance(state, SavepointRunning):
                job.savepoints[trigger] = SavepointFailed(cause)
                self.failed_triggers.add(trigger)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self.dice.random() < probability


def _beside(state: State, other: State) -> bool:
    """Say whether both are checkpoints of one run."""
    return state.is_checkpoint and other.is_checkpoint and state.run_id == other.run_id
