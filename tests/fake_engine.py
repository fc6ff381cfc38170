"""An engine in memory, deterministic and scriptable: time passes only when it is looked at.

It passes the contract of `tests/engine_contract.py`, as the real one does. Each look first tells what is, then lets
every run take one step: from starting to running, then by one record and one checkpoint a step, or to its end.
"""

import itertools
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from penstock.domain import bucket
from penstock.domain.engine import (
    Absent,
    Action,
    Alive,
    Cancel,
    Ended,
    Ending,
    EngineUnavailable,
    Gone,
    Overview,
    Refused,
    SavepointFailed,
    SavepointRunning,
    SavepointState,
    SavepointWritten,
    Shown,
    Sighting,
    StopWithSavepoint,
    Stranger,
    Submit,
    TriggerSavepoint,
    Unreachable,
    Watched,
)
from penstock.domain.errors import Invalid
from penstock.domain.job import Job, Run, SavepointRequest

_CHECKPOINT = re.compile(r"(.*/)chk-(\d+)/")
_RETAINED = 2


@dataclass(frozen=True)
class Program:
    """How a job with a certain SQL text or entrypoint behaves; without any of these it runs for ever."""

    refusal: str | None = None
    failure: str | None = None
    """Fails so, once it runs."""
    finishes: bool = False
    state: str = "state"
    """Two programs whose state is called differently cannot start from each other's."""


@dataclass(frozen=True)
class State:
    """What a checkpoint or savepoint holds."""

    kind: str
    records: int


@dataclass
class FakeRun:
    """A Flink job."""

    job: Job
    run: Run
    program: Program
    started_at: int
    records: int = 0
    running: bool = False
    ran: bool = False
    cancelling: bool = False
    how: Ending | None = None
    ended_at: int = 0
    cause: str | None = None
    restore_failed: bool = False
    restarts: int = 0
    checkpoint: str | None = None
    checkpoints: int = 0
    savepoints: dict[str, tuple[SavepointRequest, SavepointState]] = field(default_factory=dict)
    stops: set[str] = field(default_factory=set)
    """Triggers of those savepoints that end the run."""

    @property
    def folder(self) -> str:
        """Where its checkpoints lie."""
        return f"{bucket.checkpoint_path(self.job)}{self.run.id}/"

    def end(self, how: Ending, at: int, cause: str | None = None) -> None:
        self.how, self.ended_at, self.cause, self.running = how, at, cause, False
        for trigger, (request, state) in self.savepoints.items():
            if isinstance(state, SavepointRunning):
                self.savepoints[trigger] = (request, SavepointFailed("the job has ended"))


class Death(NamedTuple):
    """How a cluster came to its end."""

    reason: str
    planned: bool


class FakeEngine:
    """An `Engine` whose cluster, jobs and faults are the test's to set."""

    def __init__(self, now_ms: Callable[[], int], programs: Mapping[str, Program] | None = None) -> None:
        self._now_ms = now_ms
        self._programs = programs or {}
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._answering_since: int | None = None
        self._silent_since: int | None = None
        self._deaths: dict[str, Death] = {}
        self.cluster = self._new_cluster()
        """The incarnation that runs; runs that were sent to an earlier one are `Gone`."""
        self.runs: dict[str, FakeRun] = {}
        self.states: dict[str, State] = {}
        """What lies in the buckets, by address."""
        self.produced: dict[int, list[int]] = {}
        """What each job has written, by job id."""
        self.performed: list[Action] = []
        self.away: str | None = None
        """Why the cluster does not answer."""
        self.holds_submissions = False
        """Submissions get no answer, and land when the test says so."""
        self.held: list[Submit] = []
        self.savepoints_fail: str | None = None
        self.savepoints_refused: str | None = None

    # the test's side

    def land(self) -> None:
        """Let the submissions that were held take effect, like requests delayed on their way."""
        held, self.held = self.held, []
        for submit in held:
            self._submit(submit.job)

    def end(self, run_id: str, how: Ending, cause: str | None = None) -> None:
        """End a run as Flink, or somebody else, would."""
        self.runs[run_id].end(how, self._now_ms(), cause)

    def restart(self, run_id: str, cause: str) -> None:
        """Let Flink restart a run in place: it runs again after the next look."""
        run = self.runs[run_id]
        run.running, run.cause, run.restarts = False, cause, run.restarts + 1

    def lose(self) -> None:
        """Forget every job, as a JobManager that was killed does; what lies in the buckets stays."""
        self.runs.clear()

    def die(self, reason: str = "its Flink cluster has died", *, planned: bool = False) -> None:
        """Let the cluster die as a unit, and a new one take its place; what was on its way there is lost too."""
        with self._lock:
            self._deaths[self.cluster] = Death(reason, planned)
            self.cluster, self._answering_since = self._new_cluster(), None
            self.runs.clear()
            self.held.clear()

    def _new_cluster(self) -> str:
        return f"cluster-{len(self._deaths) + 1}"

    # the engine's side

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        with self._lock:
            sent_at = self._now_ms()
            if self.away is not None:
                self._answering_since, self._silent_since = None, self._silent_since or sent_at
                return Unreachable(self.away, self._silent_since)
            self._silent_since = None
            since = self._answering_since = self._answering_since or sent_at
            seen = {each.run_id: self._observe(each, sent_at, since) for each in watched}
            others = {
                id: self._stranger(id, run) for id, run in self.runs.items() if run.how is None and id not in seen
            }
            for run in self.runs.values():
                self._step(run)
            return Overview(sent_at, since, self.cluster, seen, others)

    def perform(self, action: Action) -> None:
        with self._lock:
            self.performed.append(action)
            if self.away is not None:
                raise EngineUnavailable(self.away)
            match action:
                case Submit() if self.holds_submissions:
                    self.held.append(action)
                    raise EngineUnavailable("no answer in time")
                case Submit(job):
                    self._submit(job)
                case Cancel(run_id):
                    if run_id in self.runs and self.runs[run_id].how is None:
                        self.runs[run_id].cancelling = True
                case TriggerSavepoint(run_id, request):
                    self._trigger(run_id, request, stop=False)
                case StopWithSavepoint(run_id, request):
                    self._trigger(run_id, request, stop=True)

    def _submit(self, job: Job) -> None:
        run = job.run
        assert run is not None
        if run.cluster != self.cluster:
            raise EngineUnavailable("the cluster that it was meant for is no more")
        if run.id in self.runs:
            return
        program = self._programs.get((job.program and job.program.entrypoint) or job.sql, Program())
        if program.refusal is not None:
            raise Refused(program.refusal)
        state = self._state_at(run.resume_from) if run.resume_from else State(program.state, 0)
        if state is None:
            raise Refused(f"there is no state at {run.resume_from}", state_missing=True)
        fake = self.runs[run.id] = FakeRun(job, run, program, self._now_ms(), records=state.records)
        if state.kind != program.state:
            fake.restore_failed = True
            fake.end(Ending.FAILED, self._now_ms(), "StateMigrationException: the state does not fit")

    def _state_at(self, address: str) -> State | None:
        address = bucket.parse(address)
        if named := _CHECKPOINT.fullmatch(address):  # the newest of its run
            number = self._newest_checkpoint(named[1])
            return self.states[f"{named[1]}chk-{number}/"] if number >= int(named[2]) else None
        below = [place for place in self.states if place.startswith(address)]
        return self.states[max(below)] if below else None

    def _newest_checkpoint(self, folder: str) -> int:
        """Give the number of the newest checkpoint in a folder; 0 when there is none."""
        found = [_CHECKPOINT.fullmatch(place) for place in self.states if place.startswith(folder)]
        return max((int(each[2]) for each in found if each), default=0)

    def _left(self, watched: Watched) -> tuple[str | None, SavepointState | None]:
        """Find what a run that is not shown has left: its newest checkpoint, and the savepoint asked for."""
        folder, request = watched.checkpoints, watched.savepoint_request
        number = self._newest_checkpoint(folder) if folder else 0
        checkpoint = f"{folder}chk-{number}/" if number else None
        start = _savepoints(request, watched.run_id) if request else None
        written = [place for place in self.states if start and place.startswith(start)]
        return checkpoint, SavepointWritten(max(written)) if written else None

    def _trigger(self, run_id: str, request: SavepointRequest, *, stop: bool) -> None:
        if self.savepoints_refused is not None:
            raise Refused(self.savepoints_refused)
        try:
            bucket.parse(request.target)
        except Invalid as error:
            raise Refused(str(error)) from error
        run = self.runs.get(run_id)
        if run is None or run.how is not None or request.trigger_id in run.savepoints:
            return
        failure = self.savepoints_fail or (None if run.running else "not all tasks are running")
        state = SavepointFailed(failure) if failure else SavepointRunning()
        run.savepoints[request.trigger_id] = (request, state)
        if stop and failure is None:
            run.stops.add(request.trigger_id)

    def _step(self, run: FakeRun) -> None:
        if run.how is not None:
            return
        if run.cancelling:
            run.end(Ending.CANCELED, self._now_ms())
        elif not run.running:
            run.running, run.ran, run.cause = True, True, None
        elif run.program.failure is not None:
            run.end(Ending.FAILED, self._now_ms(), run.program.failure)
        elif run.program.finishes:
            self._finish(run)
        else:
            self._produce(run)

    def _produce(self, run: FakeRun) -> None:
        run.records += 1
        self.produced.setdefault(run.job.id, []).append(run.records)
        if run.job.config.checkpoint_enabled:
            run.checkpoints += 1
            run.checkpoint = f"{run.folder}chk-{run.checkpoints}/"
            self.states.pop(f"{run.folder}chk-{run.checkpoints - _RETAINED}/", None)
            self.states[run.checkpoint] = State(run.program.state, run.records)
        for trigger, (request, state) in run.savepoints.items():
            if isinstance(state, SavepointRunning):
                self._write_savepoint(run, trigger, request)

    def _write_savepoint(self, run: FakeRun, trigger: str, request: SavepointRequest) -> None:
        place = f"{_savepoints(request, run.run.id)}{next(self._numbers):012x}/"
        self.states[place] = State(run.program.state, run.records)
        run.savepoints[trigger] = (request, SavepointWritten(place))
        if trigger in run.stops:
            self._finish(run)

    def _finish(self, run: FakeRun) -> None:
        """End the run; Flink then drops its checkpoints."""
        run.end(Ending.FINISHED, self._now_ms())
        run.checkpoint = None
        folder = run.folder
        self.states = {place: state for place, state in self.states.items() if not place.startswith(folder)}

    def _observe(self, watched: Watched, sent_at: int, since: int) -> Sighting:
        request = watched.savepoint_request
        death = self._deaths.get(watched.cluster or "")
        if death is not None:
            return Gone(sent_at, *death, *self._left(watched))
        if watched.run_id not in self.runs:
            return Absent(sent_at, since, self.cluster, *self._left(watched))
        run = self.runs[watched.run_id]
        _, savepoint = run.savepoints.get(request.trigger_id, (None, None)) if request else (None, None)
        shown = Shown(
            sent_at=sent_at,
            started_at=run.started_at,
            restarts=run.restarts,
            cause=run.cause,
            restore_failed=run.restore_failed,
            checkpoint=run.checkpoint,
            savepoint=savepoint,
            plan="{}" if run.ran else None,
        )
        if run.how is not None:
            return Ended(**vars(shown), how=run.how, ended_at=run.ended_at, ran=run.ran)
        return Alive(**vars(shown), answering_since=since, all_running=run.running, cancelling=run.cancelling)

    def _stranger(self, run_id: str, run: FakeRun) -> Stranger:
        state = "RUNNING" if run.running else "CREATED"
        return Stranger(run_id, run.job.name, state, run.started_at, self.cluster)


def _savepoints(request: SavepointRequest, run_id: str) -> str:
    """Give what the addresses of a run's savepoints at this target begin with."""
    return f"{bucket.parse(request.target)}savepoint-{run_id[:6]}-"
