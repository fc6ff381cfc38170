"""One pass over the jobs of a queue: look, decide, record, act."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from penstock.controller.capacity import Room
from penstock.controller.strangers import Strangers
from penstock.domain import effects, history, lifecycle
from penstock.domain.effects import Site
from penstock.domain.engine import (
    Absent,
    Action,
    Alive,
    Ended,
    Engine,
    EngineUnavailable,
    Full,
    Observation,
    Overview,
    Refusal,
    Refused,
    SavepointRefusal,
    StopWithSavepoint,
    Submit,
    TriggerSavepoint,
    Unanswered,
    Unreachable,
    Watched,
)
from penstock.domain.errors import Invalid
from penstock.domain.history import Actor
from penstock.domain.job import Job, Run, Status
from penstock.domain.lifecycle import Step
from penstock.domain.queue import Queue
from penstock.store import events, jobs
from penstock.store.database import Database
from penstock.telemetry import Metrics

log = logging.getLogger(__name__)

_MOVING = frozenset({Status.SUBMITTING, Status.CANCELING, Status.SAVEPOINTING})
STIR_MS = 10_000
"""How long after a call, an act or a change a job counts as on the move; a savepoint may take hours."""


@dataclass
class Reconciler:
    """Keeps the jobs of one queue; only one thread makes its passes, the acts run in the background."""

    queue: Queue
    database: Database
    engine: Engine
    room: Callable[[], Room]
    in_background: Callable[[Callable[[], None]], None]
    """Runs an act on another thread."""
    acts_at_once: int
    """How many of them it can begin without a wait: how long a submission may still land counts from its record."""
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    wake: Callable[[], None]
    """Asks for the next pass at once: an act has ended, and what it achieved can be seen."""
    metrics: Metrics
    site: Site = field(default_factory=Site)
    """What the queue makes of its jobs' settings."""
    note_failure: Callable[[str, str], None] = lambda _run_id, _told: None
    """Keeps all that was said of a failed submission of a run, for its log."""
    _acting: set[int] = field(default_factory=set)
    """Jobs with an act on its way: nothing is decided of them until it has ended."""

    _stirred_at: int = 0

    def __post_init__(self) -> None:
        self._strangers = Strangers(self.queue, self.database, self.engine, self.now_ms)

    def make_pass(self) -> bool:
        """Make one pass; say whether a job is on the move, so that the next should come soon.

        A job with an act on its way is not: the end of the act asks for the next pass.
        """
        acting = frozenset(self._acting)  # before the rows are read: they hold what an ended act was told
        with self.database.read() as tx:
            active = jobs.active(tx, self.queue)
        idle = [job for job in active if job.id not in acting and job.unreadable is None]
        with self.metrics.look_seconds.time():
            seen = self.engine.look([_watched(job, job.run) for job in idle if job.run])
        self.metrics.engine_up.labels(self.queue.id).set(isinstance(seen, Overview))
        room = self.room()
        for job in active:
            if job.run is not None:
                with contextlib.suppress(Invalid):  # what it takes is not known, and it may run all the same
                    room.take(job)
        for job in idle:
            self._reconcile(job, seen, room)
        if isinstance(seen, Overview):
            self._strangers.deal_with(seen)
        return any(self._is_on_the_move(job) for job in active if job.id not in self._acting)

    def _is_on_the_move(self, job: Job) -> bool:
        stirred_at = max(self._stirred_at, job.requested_at or 0)
        return job.status in _MOVING and job.run is not None and self.now_ms() - stirred_at < STIR_MS

    def _reconcile(self, job: Job, overview: Overview | Unreachable, room: Room) -> None:
        try:
            seen = _observe(job, overview, room)
            step = lifecycle.decide(job, seen, self.now_ms(), self.new_id)
            by = history.FLINK if isinstance(seen, Alive | Ended) else history.CONTROLLER
            if step.action is not None and len(self._acting) >= self.acts_at_once:
                return  # the end of an act asks for the next pass
            remark = self._remark(step)
            # An act is recorded even if it changes nothing of the job, so that it is not done for an older row.
            if (step.job != job or step.action) and not self._record(job, step.job, by, remark):
                return
            if step.action is not None:
                self._start(step.job, step.action)
        except Exception:  # the one place that catches everything: one job must not stop the rest
            log.exception("job %d could not be reconciled; the next pass tries again", job.id)

    def _record(self, before: Job, after: Job, by: Actor, remark: str) -> bool:
        now = self.now_ms()
        with self.database.write() as tx:
            written = jobs.record(tx, before, after, now, by)
            if written is not None and remark:
                events.append(tx, written, [history.remark(written, remark)], now)
        if written is not None:
            self._stirred_at = self.now_ms()
            _log_change(before, after)
            if remark:
                log.warning(
                    "job %d: some of its settings have no effect, or a surprising one; see its history", after.id
                )
        return written is not None

    def _remark(self, step: Step) -> str:
        """Say at the first submission of each run which settings take no effect."""
        run = step.job.run
        is_first = isinstance(step.action, Submit) and run is not None and run.attempts == 1
        with contextlib.suppress(Invalid):  # the engine will refuse it in the same words
            return effects.remarks(step.job.config, self.site) if is_first else ""
        return ""

    def _start(self, job: Job, action: Action) -> None:
        self._acting.add(job.id)
        self.in_background(lambda: self._act(job, action))

    def _act(self, job: Job, action: Action) -> None:
        try:
            self._perform(job, action)
        except Exception:
            log.exception("job %d: %s failed", job.id, type(action).__name__)
        finally:
            self._acting.discard(job.id)
            self._stirred_at = self.now_ms()
            self.wake()

    def _perform(self, job: Job, action: Action) -> None:
        """Act; what the engine says against it is one more observation."""
        if isinstance(action, Submit):
            action = Submit(replace(action.job, config=effects.in_effect(action.job.config, self.site)))
        try:
            self.engine.perform(action)
        except Refused as refused:
            self._note(action, refused)
            self._tell(job, _refusal(action, refused))
        except EngineUnavailable as error:
            log.warning("job %d: no answer to %s", job.id, type(action).__name__)
            self._note(action, error)
            if isinstance(action, Submit) and action.job.run is not None:
                self._tell(job, Unanswered(action.job.run.id, str(error)))

    def _note(self, action: Action, error: Refused | EngineUnavailable) -> None:
        if isinstance(action, Submit) and action.job.run is not None:
            self.note_failure(action.job.run.id, error.told or str(error))

    def _tell(self, job: Job, told: Observation) -> None:
        with self.database.write() as tx:
            before = jobs.get_any(tx, job.id)
            after = lifecycle.decide(before, told, self.now_ms(), self.new_id).job
            if after != before:
                jobs.record(tx, before, after, self.now_ms(), history.FLINK)
        _log_change(before, after)


def _refusal(action: Action, refused: Refused) -> Refusal | SavepointRefusal:
    match action:
        case Submit(Job(run=Run(id=run_id))):
            return Refusal(run_id, refused.reason, state_missing=refused.state_missing)
        case TriggerSavepoint(_, request) | StopWithSavepoint(_, request):
            return SavepointRefusal(request.trigger_id, refused.reason)
    raise TypeError(f"{type(action).__name__} cannot be refused")


def _log_change(before: Job, after: Job) -> None:
    # Without the reason, which can quote what users wrote.
    if after.status is not before.status:
        log.info("job %d: %s -> %s", after.id, before.status, after.status)


def _watched(job: Job, run: Run) -> Watched:
    return Watched(run.id, job.savepoint_request, run.cluster, run.checkpoints, job.config.flink_version)


def _observe(job: Job, seen: Overview | Unreachable, room: Room) -> Observation:
    offer = room.offered(job)  # whatever is seen of other clusters: it may be what starts the job's own
    if isinstance(seen, Unreachable):
        return seen
    absent = Absent(seen.sent_at, seen.answering_since, offer.cluster)
    if job.run is not None:
        if job.run.attempts == 0 and offer.unfit is not None:
            return Refusal(job.run.id, offer.unfit)
        if job.run.attempts == 0 and offer.closed is not None:
            return Full(seen.sent_at, offer.closed)
        return seen.runs.get(job.run.id, absent)
    lack = room.lack(job)
    if lack is not None:
        return Full(seen.sent_at, lack.reason, for_ever=lack.for_ever)
    room.take(job)
    return absent
