"""The cluster of one run: started for it, and never started anew."""

import logging
import threading
import time
from collections.abc import Callable

from penstock.controller.clusters import gone, slots_of
from penstock.controller.vigil import Vigil
from penstock.domain.engine import (
    Absent,
    Action,
    EngineUnavailable,
    Overview,
    Refused,
    Sighting,
    Submit,
    Unreachable,
    Watched,
)
from penstock.domain.errors import Invalid
from penstock.domain.graph import Figures
from penstock.domain.job import Job
from penstock.flink import shapes
from penstock.flink.cluster import LocalCluster
from penstock.flink.engine import Engines, FlinkEngine
from penstock.flink.shapes import Shape

log = logging.getLogger(__name__)

OWN = "own"
"""What the row of each such run names as its cluster: no run can come to life on the cluster of another."""
_ASK_S = 5.0
_START_S = 90.0
_START_POLL_S = 0.1


class JobCluster:
    """The cluster of one run, from its start to its end."""

    def __init__(self, cluster: LocalCluster, make: Callable[[Job], LocalCluster], engines: Engines) -> None:
        """Take what finds the cluster if it was started, and what makes one that can be started for the job."""
        self._cluster = cluster
        self._make = make
        self._engines = engines
        self._lock = threading.Lock()
        self._engine: FlinkEngine | None = None
        self._vigil = Vigil(time.monotonic())
        self._ask_at = 0.0
        self._is_over = False
        self._cluster.adopt()

    def submit(self, action: Submit) -> None:
        """Start the cluster in the job's shape unless it runs, and submit as soon as it has its slots."""
        try:
            shape = shapes.own(action.job.config)
        except Invalid as error:
            raise Refused(str(error)) from error
        with self._lock:
            engine = self._brought_up(action.job, shape)
        deadline = time.monotonic() + _START_S
        while (slots_of(engine) or 0) < self._slots():
            if time.monotonic() > deadline:
                raise EngineUnavailable(f"its Flink cluster is not ready after {_START_S:.0f} s")
            if self._is_over:
                raise EngineUnavailable("its Flink cluster has died")
            time.sleep(_START_POLL_S)
        engine.perform(action)

    def perform(self, action: Action) -> None:
        self._running().perform(action)

    def figures(self, run_id: str) -> Figures:
        return self._running().figures(run_id)

    def _running(self) -> FlinkEngine:
        engine = self._engine
        if engine is None:
            raise EngineUnavailable("its Flink cluster does not run")
        return engine

    def look(self, watched: Watched, sent_at: int, since: int) -> Overview | Sighting:
        """Look at the run; what is not an overview is said of a cluster that has not been started, or has ended."""
        engine, unit = self._engine, self._cluster.unit
        if self._is_over and unit is not None:
            return gone(watched, sent_at, self._cluster.was_ended(unit.incarnation), self._engines.buckets)
        if engine is not None:
            return engine.look([watched])
        if unit is not None:
            return Unreachable("its Flink cluster is being looked for")
        return Absent(sent_at, since, OWN)

    def tend(self) -> None:
        """Connect to what runs, and end what is left of a cluster that has died, or that hangs."""
        with self._lock:
            if self._is_over or (self._cluster.unit is None and not self._cluster.adopt()):
                return
            reason = self._trouble()
            if reason is not None:
                log.error("%s; ending what is left of it", reason)
                self._cluster.end_processes()
                self._is_over = True
                self.close()

    def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _brought_up(self, job: Job, shape: Shape) -> FlinkEngine:
        if self._cluster.unit is None:
            self._cluster = self._make(job)
        with self._cluster.transition():
            if not self._cluster.adopt():
                if self._cluster.unit is not None:
                    raise EngineUnavailable("its Flink cluster has died")
                self._cluster.start(shape)
        return self._connected()

    def _slots(self) -> int:
        return self._cluster.unit.slots if self._cluster.unit else 0

    def _connected(self) -> FlinkEngine:
        if self._engine is None:
            self._engine = self._engines.of(self._cluster, OWN)
            self._vigil = Vigil(time.monotonic())
        return self._engine

    def _trouble(self) -> str | None:
        """Say why the cluster must be ended."""
        if not self._cluster.is_alive():
            return "a process of a job's Flink cluster has died"
        engine = self._connected()
        if time.monotonic() < self._ask_at:
            return None
        self._ask_at = time.monotonic() + _ASK_S
        return self._vigil.note(slots_of(engine), time.monotonic())
