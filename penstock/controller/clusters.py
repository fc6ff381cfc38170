"""Keeps a cluster of ours up: installs Flink, adopts or starts it, warms it, and starts it anew when it dies."""

import itertools
import logging
import threading
from collections.abc import Callable, Collection

from penstock.domain.engine import Action, EngineUnavailable, Overview, Unreachable, Watched
from penstock.flink.cluster import LocalCluster
from penstock.flink.engine import FlinkEngine

log = logging.getLogger(__name__)

_CHECK_S = 1.0
_ASK_EVERY = 5
"""Checks between two questions to Flink whether it has slots; a look asks for the jobs only."""
_RETRY_S = 15.0
_START_POLL_S = 0.1
_STOP_PATIENCE_S = 30.0


class EmbeddedCluster:
    """An `Engine` that is `Unreachable` until its cluster is up, and again while it is down."""

    def __init__(
        self,
        prepare: Callable[[], LocalCluster],
        connect: Callable[[str], FlinkEngine],
        on_ready: Callable[[], None],
    ) -> None:
        """Take what makes the cluster (it may install Flink first) and what connects to its REST address."""
        self._prepare = prepare
        self._connect = connect
        self._on_ready = on_ready
        self._cluster: LocalCluster | None = None
        self._engine: FlinkEngine | None = None
        self._not_ready: str | None = "Flink is being prepared"
        self._unseen: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, name="cluster", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, end_cluster: bool) -> None:
        """Stop keeping it up; the cluster and its jobs go on unless they are to end too."""
        self._stopping.set()
        if not end_cluster:
            return
        self._thread.join(_STOP_PATIENCE_S)  # it may be in the middle of a download
        if self._cluster is not None:
            self._cluster.stop()

    def readiness(self) -> str | None:
        """Say why no job can run now; None when one can."""
        return self._not_ready or self._unseen

    def slots(self) -> int:
        """Give the slots of the cluster that runs; 0 while there is none."""
        unit = self._cluster.unit if self._cluster else None
        return unit.slots if unit else 0

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        engine = self._engine
        if engine is None:
            return Unreachable(self._not_ready or "")
        seen = engine.look(watched)
        self._unseen = "Flink does not answer" if isinstance(seen, Unreachable) else None
        return seen

    def perform(self, action: Action) -> None:
        engine = self._engine
        if engine is None:
            raise EngineUnavailable(self._not_ready)
        engine.perform(action)

    def _keep_up(self) -> None:
        while not self._stopping.is_set():
            try:
                self._bring_up()
                self._watch()
            except Exception:  # whatever it is (no network, no memory, no port), it may pass
                self._disconnect()
                self._not_ready = "Flink cannot be started; the service's log says why"
                log.exception("Flink cannot be started; trying again in %d s", _RETRY_S)
                self._stopping.wait(_RETRY_S)

    def _bring_up(self) -> None:
        if self._cluster is None:
            self._cluster = self._prepare()
        if self._cluster.adopt():
            log.info("Flink is still running and goes on")
        else:
            self._not_ready = "Flink is starting"
            self._cluster.start()
        assert self._cluster.unit is not None
        self._engine = self._connect(self._cluster.unit.rest_url)  # what runs there is seen from now on
        while not self._stopping.is_set():
            self._not_ready = self._engine.readiness()
            if self._not_ready is None:
                log.info("Flink is ready, with %d slots", self._cluster.unit.slots)
                self._on_ready()
                return
            if not self._cluster.is_alive():
                raise RuntimeError("its processes have ended; see the engine's log folder")
            self._stopping.wait(_START_POLL_S)

    def _watch(self) -> None:
        assert self._cluster is not None
        assert self._engine is not None
        for second in itertools.count(1):
            if self._stopping.wait(_CHECK_S):
                return
            if not self._cluster.is_alive():
                log.error("a process of Flink has died; ending the rest and starting anew")
                self._not_ready = "a process of Flink has died; Flink is starting anew"
                self._disconnect()
                return
            if second % _ASK_EVERY == 0:
                self._not_ready = self._engine.readiness()

    def _disconnect(self) -> None:
        engine, self._engine = self._engine, None
        self._unseen = None
        if engine is not None:
            engine.close()
