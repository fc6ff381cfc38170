"""What calls ask of Flink while they wait: a few at a time, so that a slow one does not take all threads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from penstock.controller.keeper import Keeper
from penstock.domain.engine import EngineUnavailable
from penstock.domain.errors import NotReady, TooMany
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job
from penstock.domain.queue import DEFAULT, Isolation

PLANS_AT_ONCE = 3
FIGURES_AT_ONCE = 4
_FRESH_S = 2.0
"""How long figures serve again; Flink renews its own as often."""


@dataclass
class Questions:
    """Safe for several threads. `keeper` gives who keeps a queue that a project knows by a name."""

    keeper: Callable[[str, str], Keeper]
    _plans: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(PLANS_AT_ONCE))
    _looks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(FIGURES_AT_ONCE))
    _known: dict[str, tuple[float, Figures]] = field(default_factory=dict)
    """By run, with the time until which they serve."""

    def plan(self, job: Job) -> Graph:
        """Plan the script of a job without running it; raises `Refused`, `NotReady` or `TooMany`."""
        with _one_of(self._plans, "scripts are planned at once"):
            try:
                return self._planner(job).plan(job)
            except EngineUnavailable as error:
                raise NotReady(f"Flink cannot plan for queue {job.queue!r} now: {error}") from error

    def figures(self, job: Job) -> Figures | None:
        """Tell what flows through a job; None: Flink cannot be asked. Raises `TooMany`."""
        if job.run is None or not job.run.seen:
            return Figures()
        now = time.monotonic()
        until, known = self._known.get(job.run.id, (0.0, Figures()))
        if now < until:
            return known
        with _one_of(self._looks, "calls ask for metrics at once"):
            try:
                seen = self.keeper(job.project_id, job.queue).figures(job.run.id)
            except EngineUnavailable:
                return None
        self._known = {run: each for run, each in self._known.items() if each[0] > now}
        self._known[job.run.id] = (now + _FRESH_S, seen)
        return seen

    def _planner(self, job: Job) -> Keeper:
        """Give who plans: the default queue's keeper, where each run has a cluster of its own."""
        keeper = self.keeper(job.project_id, job.queue)
        return self.keeper(job.project_id, DEFAULT) if keeper.isolation is Isolation.JOB else keeper


@contextmanager
def _one_of(places: threading.Semaphore, taken: str) -> Iterator[None]:
    if not places.acquire(blocking=False):
        raise TooMany(f"as many {taken} as can be; ask again in a moment")
    try:
        yield
    finally:
        places.release()
