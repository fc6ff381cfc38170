"""A Flink session cluster that others start and keep up (standalone, YARN, Kubernetes), by its REST address."""

import time
from collections.abc import Collection

from penstock.controller.capacity import Offer, Taken
from penstock.domain import lines
from penstock.domain.engine import Action, Alive, EngineUnavailable, Overview, Unreachable, Watched
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job
from penstock.flink.engine import FlinkEngine

_ASK_S = 5.0


class ExternalCluster:
    """An `Engine` over such a cluster; we can only look, and ask."""

    def __init__(self, engine: FlinkEngine) -> None:
        self._engine = engine
        self._not_ready: str | None = "Flink was not asked yet"
        self._version = ""
        self._slots = 0
        self._taken = Taken()
        self._ask_at = 0.0

    def start(self) -> None:
        """Nothing is ours to start."""

    def stop(self, *, end: bool) -> None:
        """Leave the cluster alone, which is not ours to end."""
        self._engine.close()

    def readiness(self) -> str | None:
        return self._not_ready

    def offer(self, job: Job) -> Offer:
        asked = job.config.flink_version
        line = lines.line_of_release(self._version)
        unfit = None
        if self._not_ready is None and lines.line_of(asked, line) != line:
            unfit = f"asks for Flink {asked}; on queue {job.queue!r} runs {self._version}, which others keep"
        return Offer(line, self._engine.incarnation, self._slots, self._taken, self._not_ready, unfit)

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        seen = self._engine.look(watched)
        if isinstance(seen, Unreachable):
            self._not_ready, self._ask_at = f"Flink does not answer: {seen.reason}", 0.0
        else:
            self._ask(seen)
        return seen

    def perform(self, action: Action) -> None:
        self._engine.perform(action)

    def plan(self, job: Job) -> Graph:
        offer = self.offer(job)
        if offer.closed or offer.unfit:
            raise EngineUnavailable(offer.closed or offer.unfit)
        return self._engine.plan(job)

    def figures(self, run_id: str) -> Figures:
        return self._engine.figures(run_id)

    def _ask(self, seen: Overview) -> None:
        try:
            if time.monotonic() >= self._ask_at:
                self._ask_at = time.monotonic() + _ASK_S
                self._not_ready = self._unsupported() or self._engine.readiness()
            self._slots, free = self._engine.slots()  # every time: other people's jobs come and go
            by = frozenset(run for run, each in seen.runs.items() if isinstance(each, Alive) and each.all_running)
            self._taken = Taken(self._slots - free, by)
        except EngineUnavailable as error:
            self._not_ready, self._ask_at = f"Flink does not answer: {error}", 0.0

    def _unsupported(self) -> str | None:
        self._version = self._engine.version()
        if lines.line_of_release(self._version) in lines.RELEASES:
            return None
        return f"Flink {self._version} runs there; supported are {', '.join(lines.RELEASES)}"
