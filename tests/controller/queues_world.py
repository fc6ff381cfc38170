"""Processes that keep queues on one database of their own; time moves when a test says so."""

import threading
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from penstock.controller.capacity import Offer
from penstock.controller.keeper import Keeper, Means
from penstock.controller.leases import Controller
from penstock.domain.engine import Action, EngineUnavailable, Overview, Unreachable, Watched
from penstock.domain.graph import Figures, Flow, Graph
from penstock.domain.job import Job
from penstock.domain.queue import DEFAULT, Holder, Queue
from penstock.store import queues
from penstock.store.database import Database
from penstock.telemetry import Metrics
from tests.controller.world import PROGRAMS, Clock
from tests.fake_engine import FakeEngine
from tests.store.conftest import make_project

PATIENCE_S = 30.0


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    made, deadline = threading.Event(), PATIENCE_S / 0.01
    while not condition():
        deadline -= 1
        assert deadline > 0, "it does not happen"
        made.wait(0.01)


class FakeCluster(FakeEngine):
    """A `Cluster` over the engine in memory, ready unless a test says otherwise."""

    def __init__(self, now_ms: Callable[[], int], on_ready: Callable[[], None]) -> None:
        super().__init__(now_ms, PROGRAMS)
        self._on_ready = on_ready
        self.not_ready: str | None = None
        self.slots: int | None = 8
        self.started = False
        self.asked_figures = 0
        self.stopped: str | None = None
        self.hangs = threading.Event()
        """While it is set, looks get no answer."""
        self.hanging = threading.Event()
        self.submissions_hang = threading.Event()
        self.hanging_submissions = 0
        self._let_go = threading.Event()

    def start(self) -> None:
        self.started = True

    def stop(self, *, end: bool) -> None:
        self.stopped = "ended" if end else "left alone"

    def readiness(self) -> str | None:
        return self.not_ready

    def offer(self, job: Job) -> Offer:
        return Offer(cluster=self.cluster, slots=self.slots, closed=self.not_ready)

    def plan(self, job: Job) -> Graph:
        if self.not_ready is not None:
            raise EngineUnavailable(self.not_ready)
        return Graph(job.sql, (), ())

    def figures(self, run_id: str) -> Figures:
        self.asked_figures += 1
        if self.not_ready is not None:
            raise EngineUnavailable(self.not_ready)
        return Figures((Flow(run_id, 1, 0.5),))

    def become_ready(self) -> None:
        self.not_ready = None
        self._on_ready()

    def answer(self) -> None:
        self.hangs.clear()
        self.submissions_hang.clear()
        self._let_go.set()

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        if self.hangs.is_set():
            self.hanging.set()
            assert self._let_go.wait(PATIENCE_S)
        return super().look(watched)

    def perform(self, action: Action) -> None:
        if self.submissions_hang.is_set():
            self.hanging_submissions += 1
            assert self._let_go.wait(PATIENCE_S)
        super().perform(action)


@dataclass
class Process:
    """A process that may keep queues, and the clusters that it has made for them."""

    controller: Controller
    clusters: dict[int, FakeCluster]

    def keeps(self) -> set[int]:
        return {queue_id for queue_id, cluster in self.clusters.items() if cluster.stopped is None}


@dataclass
class Site:
    """A database with queues, and the processes on it."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    broken: set[int] = field(default_factory=set)
    """The queues whose clusters cannot be made."""
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.project = make_project(self.database)

    def queue(self, **fields: Any) -> Queue:
        with self.database.write() as tx:
            made = Queue(f"q{uuid.uuid4().hex}", cus=8, slots=8, project_id=self.project, **fields)
            return queues.create(tx, made, now=1)

    def default_queue(self) -> Queue:
        with self.database.write() as tx:
            queues.put_default(tx, Queue(DEFAULT, cus=8, slots=8), now=1)
            return queues.find(tx, "", DEFAULT)

    def delete(self, queue: Queue) -> None:
        with self.database.write() as tx:
            queues.delete(tx, queue.id)

    def process(self, name: str, place: str = "here", now_ms: Callable[[], int] | None = None) -> Process:
        clusters: dict[int, FakeCluster] = {}
        now_ms = now_ms or self.clock

        def make_cluster(queue: Queue, on_ready: Callable[[], None]) -> FakeCluster:
            if queue.id in self.broken:
                raise ValueError("no cluster can be made of this")
            clusters[queue.id] = FakeCluster(self.clock, on_ready)
            return clusters[queue.id]

        means = Means(self.database, self.clock, lambda: uuid.uuid4().hex, Metrics(), make_cluster)
        controller = Controller(self.database, Holder(name, place), lambda queue: Keeper(queue, means), now_ms)
        self.processes.append(Process(controller, clusters))
        return self.processes[-1]

    def end(self) -> None:
        for process in self.processes:
            for cluster in process.clusters.values():
                cluster.answer()
            process.controller.stop(end_clusters=False)
        self.database.close()
