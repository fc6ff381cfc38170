"""Keeps a cluster of ours up: installs Flink, adopts or starts it, warms it, and starts it anew when it must be.

It must be when one of its processes dies, when it hangs, before its metaspace is full, and when other connectors
are installed than it was started with.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import SQLAlchemyError

from penstock.controller.capacity import Offer
from penstock.controller.vigil import Limits, Vigil
from penstock.controller.wear import Tolerance, Wear
from penstock.domain import lines
from penstock.domain.engine import (
    Action,
    EngineUnavailable,
    Gone,
    Overview,
    Sighting,
    Submit,
    Unreachable,
    Watched,
)
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job
from penstock.flink import remains
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.cluster import LocalCluster, Unit
from penstock.flink.engine import Engines, FlinkEngine

log = logging.getLogger(__name__)

_CHECK_S = 0.2
_ASK_S = 5.0
"""Between two questions to Flink whether it has slots; a look asks for the jobs only."""
_RETRY_S = 15.0
_START_POLL_S = 0.1
_STOP_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Upkeep:
    """When a cluster that lives is ended and started anew all the same."""

    limits: Limits = field(default_factory=Limits)
    tolerance: Tolerance = field(default_factory=Tolerance)
    hindered_by: Callable[[str], Collection[int]] = lambda _: ()
    """Names the jobs that cannot be asked to leave this incarnation now, and would lose their state with it."""
    move_off: Callable[[str], int] = lambda _: 0
    """Lets what runs on this incarnation move, and says how many jobs may still leave it."""
    would_lose: Callable[[str], Collection[int]] = lambda _: ()
    """Names the jobs whose state would be lost with this incarnation."""
    move_most_s: float = 120.0
    """How long the jobs have; those that are left go on from their newest checkpoints."""


class EmbeddedCluster:
    """An `Engine` that is `Unreachable` until its cluster is up, and again while it is down."""

    def __init__(
        self,
        prepare: Callable[[], LocalCluster],
        engines: Engines,
        on_ready: Callable[[], None],
        upkeep: Upkeep = Upkeep(),
        line: str = lines.DEFAULT,
    ) -> None:
        """Take what makes the cluster of a Flink line; it may install Flink first."""
        self.line = line
        self._prepare = prepare
        self._engines = engines
        self._on_ready = on_ready
        self._upkeep = upkeep
        self._wear = Wear(upkeep.tolerance)
        self._cluster: LocalCluster | None = None
        self._engine: FlinkEngine | None = None
        self._not_ready: str | None = f"Flink {line} is being prepared"
        self._down_since: int | None = None
        self._unseen: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, name="cluster", daemon=True)

    def start(self) -> None:
        self._down_since = self._engines.now_ms()
        self._thread.start()

    def stop(self, *, end: bool) -> None:
        """Stop keeping it up; the cluster and its jobs go on unless they are to end too."""
        self._stopping.set()
        if not end:
            return
        self._thread.join(_STOP_PATIENCE_S)  # it may be in the middle of a download
        if self._cluster is not None:
            self._cluster.stop()

    def readiness(self) -> str | None:
        """Say why no job can run now; None when one can."""
        return self._not_ready or self._unseen

    def offer(self, _job: Job) -> Offer:
        engine, unit = self._engine, self._cluster.unit if self._cluster else None
        if engine is None or unit is None:
            return Offer(self.line, closed=self._not_ready or f"Flink {self.line} is starting anew")
        return Offer(self.line, engine.incarnation, unit.slots, closed=self.readiness())

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        engine = self._engine
        if engine is None:
            return Unreachable(self._not_ready or "", self._down_since)
        here = [each for each in watched if each.cluster in (None, engine.incarnation)]
        seen = engine.look(here)
        self._unseen = "Flink does not answer" if isinstance(seen, Unreachable) else None
        if isinstance(seen, Unreachable):
            return seen
        gone = {each.run_id: self._gone(each, seen.sent_at) for each in watched if each not in here}
        return replace(seen, runs={**seen.runs, **gone})

    def perform(self, action: Action) -> None:
        engine = self._engine
        if engine is None:
            raise EngineUnavailable(self._not_ready)
        if isinstance(action, Submit) and action.job.run and action.job.run.cluster != engine.incarnation:
            raise EngineUnavailable("the cluster that it was meant for is no more")
        engine.perform(action)

    def plan(self, job: Job) -> Graph:
        return self._ready().plan(job)

    def figures(self, run_id: str) -> Figures:
        return self._ready().figures(run_id)

    def _ready(self) -> FlinkEngine:
        engine = self._engine
        if engine is None or self._not_ready is not None:
            raise EngineUnavailable(self._not_ready)
        return engine

    def _gone(self, watched: Watched, sent_at: int) -> Sighting:
        """Tell of a run on an earlier unit, all of whose processes were ended before this one was started."""
        assert self._cluster is not None
        assert watched.cluster is not None
        return gone(watched, sent_at, self._cluster.was_ended(watched.cluster), self._engines.buckets)

    # --- keeping it up ---

    def _keep_up(self) -> None:
        hanging: str | None = None
        while not self._stopping.is_set():
            try:
                unit = self._bring_up(instead_of=hanging)
                hanging = self._watch(unit) if unit else None
            except Exception:  # whatever it is (no network, no memory, no port), it may pass
                self._disconnect("Flink cannot be started; the service's log says why")
                log.exception("Flink cannot be started; trying again in %d s", _RETRY_S)
                self._stopping.wait(_RETRY_S)
        self._close()

    def _bring_up(self, *, instead_of: str | None) -> Unit | None:
        """Adopt the unit that lives, unless it is this one, or start one; None when it is to be kept up no more."""
        if self._cluster is None:
            self._cluster = self._prepare()
        with self._cluster.transition():
            if self._stopping.is_set():  # while Flink was being installed
                return None
            unit = self._cluster.unit if self._cluster.adopt() else None
            if unit is None or unit.incarnation == instead_of:
                self._not_ready = f"Flink {self.line} is starting"
                unit = self._cluster.start()
                self._wear.note_renewed(time.monotonic())
            else:
                log.info("Flink %s is still running and goes on", self.line)
        # What runs there is seen from now on.
        self._engine = self._engines.of(self._cluster, unit.incarnation)
        self._down_since = None
        return unit

    def _watch(self, unit: Unit) -> str | None:
        """Watch the unit until it must be started anew; return it if it hangs, and must be ended before that."""
        assert self._cluster is not None
        assert self._engine is not None
        vigil, ask_at, was_ready = Vigil(time.monotonic(), self._upkeep.limits), 0.0, False
        while not self._stopping.wait(_CHECK_S if was_ready else _START_POLL_S):
            if not self._cluster.is_alive():
                if not was_ready:
                    raise RuntimeError("its processes have ended; see the engine's log folder")
                self._disconnect("a process of Flink has died; Flink is starting anew")
                return None
            if was_ready:
                self._engine.warm()  # a moment after jobs were let in: those that waited do it themselves
            if not was_ready or time.monotonic() >= ask_at:
                ask_at = time.monotonic() + _ASK_S
                hangs = self._ask(vigil, unit)
                was_ready |= self._not_ready is None
                if hangs:
                    self._disconnect(f"{hangs}; it is starting anew")
                    return unit.incarnation
            if (worn := self._worn(unit)) and self._recycle(unit, worn):
                return None
        return None

    def _ask(self, vigil: Vigil, unit: Unit) -> str | None:
        """Ask whether it is ready, and say why it must be ended, if it must."""
        assert self._engine is not None
        was, self._not_ready = self._not_ready, self._engine.readiness()
        if was is not None and self._not_ready is None:
            log.info("Flink %s is ready, with %d slots", unit.flink_version, unit.slots)
            self._on_ready()
        return vigil.note(slots_of(self._engine), time.monotonic())

    def _worn(self, unit: Unit) -> str | None:
        """Say what is wrong with it that only a new one can mend, if its jobs can be asked to move there now."""
        assert self._cluster is not None
        assert self._engine is not None
        if self._not_ready:
            return None
        now, there = time.monotonic(), unit.incarnation
        try:
            worn = self._wear.found(self._cluster.newer(), self._engine.metaspace_percent, now)
        except EngineUnavailable:
            return None
        if worn is None:
            return None
        try:
            stuck = self._upkeep.hindered_by(there) if self._wear.may_retry(now) else self._upkeep.would_lose(there)
        except SQLAlchemyError as error:
            log.warning("Flink %s; whether its jobs can move is not known now: %s", worn, type(error).__name__)
            self._wear.note_hindered(now)
            return None
        if not stuck:
            return worn
        log.debug("Flink %s, but jobs %s cannot move to a new cluster now", worn, stuck)
        self._wear.note_hindered(now)
        return None

    def _recycle(self, unit: Unit, worn: str) -> bool:
        """End the cluster after its jobs have moved off it: they wait with their savepoints for the next one.

        It is not ended as long as a job would lose its state with it: then this is False.
        """
        assert self._cluster is not None
        log.warning("Flink %s; moving its jobs to a new cluster", worn)
        self._not_ready = f"its Flink cluster {worn} and being recycled"
        deadline = time.monotonic() + self._upkeep.move_most_s
        while self._cluster.is_alive() and self._upkeep.move_off(unit.incarnation):
            if self._stopping.wait(_CHECK_S):
                return True
            if time.monotonic() > deadline:
                break
        if self._cluster.is_alive() and (stuck := self._upkeep.would_lose(unit.incarnation)):
            pause_s = self._wear.note_vain(time.monotonic())
            log.warning(
                "Flink goes on for %d s: jobs %s have neither stopped with a savepoint nor a checkpoint",
                pause_s,
                stuck,
            )
            self._not_ready = None
            self._on_ready()
            return False
        self._disconnect(self._not_ready)
        with self._cluster.transition():
            if self._cluster.adopt() and self._cluster.unit == unit:
                self._cluster.stop()
        return True

    def _disconnect(self, reason: str | None) -> None:
        log.warning("%s", reason)
        self._not_ready = reason
        self._down_since = self._down_since or self._engines.now_ms()
        self._unseen = None
        self._close()

    def _close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


def gone(watched: Watched, sent_at: int, planned: bool, buckets: Buckets) -> Sighting:
    """Tell of a run whose cluster is dead, with the state that lies in the buckets."""
    try:
        left = remains.of(watched, buckets)
    except BucketFailure as error:
        return Unreachable(str(error))
    reason = "its Flink cluster was ended by the service" if planned else "its Flink cluster has died"
    return Gone(sent_at, reason, planned, left.checkpoint, left.savepoint)


def slots_of(engine: FlinkEngine) -> int | None:
    """Ask a cluster how many slots it has; None when it does not answer."""
    try:
        return engine.slots()[0]
    except EngineUnavailable:
        return None
