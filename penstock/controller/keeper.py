"""Keeps one queue: its cluster up, and its jobs as their users want them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from penstock.controller.capacity import Offer, Room
from penstock.controller.loop import Loop
from penstock.controller.reconcile import Reconciler
from penstock.controller.workers import Workers
from penstock.domain.effects import Site
from penstock.domain.engine import Engine
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job
from penstock.domain.queue import Isolation, Queue
from penstock.store.database import Database
from penstock.telemetry import Metrics

_ACTS_AT_ONCE = 8


class Cluster(Engine, Protocol):
    """Where the jobs of a queue run: an engine that may be kept up, and that has room for so much.

    `plan` and `figures` are asked by any thread.
    """

    def start(self) -> None: ...

    def stop(self, *, end: bool) -> None:
        """Stop keeping it up, and end it too if it is ours."""
        ...

    def readiness(self) -> str | None:
        """Say why no job that names no version of Flink can run now; None when one can."""
        ...

    def offer(self, job: Job) -> Offer:
        """Say what the cluster that a job is on, or would go to, has for it; it is started if it must be."""
        ...

    def plan(self, job: Job) -> Graph:
        """Plan the job's script without running it; raises `Refused` or `EngineUnavailable`."""
        ...

    def figures(self, run_id: str) -> Figures:
        """Tell what flows through a run; raises `EngineUnavailable`."""
        ...


@dataclass(frozen=True)
class Means:
    """What every keeper needs of the rest of the service."""

    database: Database
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    metrics: Metrics
    make_cluster: Callable[[Queue, Callable[[], None]], Cluster]
    """Makes the cluster of a queue, which calls back whenever it has become ready."""
    note_failure: Callable[[str, str], None] = lambda _run_id, _told: None
    """Keeps all that was said of a failed submission of a run."""
    ttl_in_hours: bool = False
    """`idle_state_retention` counts hours."""
    skips_dirty_records: bool = False
    """`dirty_data_strategy` 0 has an effect."""


class Keeper:
    """One queue's keeper, for as long as this process holds its lease."""

    def __init__(self, queue: Queue, means: Means) -> None:
        self._queue = queue
        self._woken = threading.Event()
        self._cluster = means.make_cluster(queue, self._woken.set)
        self._workers = Workers(_ACTS_AT_ONCE)
        self._reconciler = Reconciler(
            queue=queue,
            database=means.database,
            engine=self._cluster,
            room=self._room,
            in_background=self._workers.do,
            acts_at_once=_ACTS_AT_ONCE,
            now_ms=means.now_ms,
            new_id=means.new_id,
            wake=self._woken.set,
            metrics=means.metrics,
            site=Site(queue.isolation is Isolation.JOB, means.ttl_in_hours, means.skips_dirty_records),
            note_failure=means.note_failure,
        )
        self._loop = Loop(self._reconciler.make_pass, self._woken)

    def start(self) -> None:
        self._cluster.start()
        self._loop.start()

    def stop(self, *, end_cluster: bool) -> None:
        self._loop.stop()
        self._workers.stop()
        self._cluster.stop(end=end_cluster)

    def wake(self) -> None:
        """Ask for a pass at once."""
        self._woken.set()

    def readiness(self) -> str | None:
        """Say why no job can run on the queue now; None when one can."""
        return self._cluster.readiness()

    @property
    def isolation(self) -> Isolation:
        return self._queue.isolation

    def plan(self, job: Job) -> Graph:
        return self._cluster.plan(job)

    def figures(self, run_id: str) -> Figures:
        return self._cluster.figures(run_id)

    def update(self, queue: Queue) -> None:
        """Take note of what has changed of the queue."""
        self._queue = queue

    def _room(self) -> Room:
        return Room(self._queue.name, self._queue.cus, self._cluster.offer)
