"""A queue with its controller, on a real database and an engine in memory; time moves when a test says so."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import update

from penstock.controller.capacity import Offer, Room
from penstock.controller.reconcile import Reconciler
from penstock.domain import calls, lines
from penstock.domain.effects import Site
from penstock.domain.engine import Overview, Unreachable, Watched
from penstock.domain.history import Actor, Event, Who
from penstock.domain.job import Job, JobConfig, Run, SavepointRequest, Status
from penstock.domain.queue import Queue
from penstock.store import events, jobs, queues
from penstock.store.database import Database
from penstock.store.events import EventFilter
from penstock.store.schema import JOBS
from penstock.telemetry import Metrics
from tests.fake_engine import FakeEngine, Program
from tests.store.conftest import draft

ACTS_AT_ONCE = 3
SHARED = Site()
CALLER = Actor(Who.CALLER, "ann")
PROGRAMS = {
    "wrong": Program(refusal="line 1, column 8: no such table"),
    "failing": Program(failure="/ by zero"),
    "bounded": Program(finishes=True),
}


class Clock:
    """Gives a later time on every call."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


class Meddled(FakeEngine):
    """Lets a test do something while the answer of a look is on its way."""

    meddle: Callable[[], None] | None = None

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        seen = super().look(watched)
        if self.meddle is not None:
            self.meddle()
        return seen


class Later:
    """Keeps the acts that it is given until it is told to do them."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def take(self, act: Callable[[], None]) -> None:
        self.waiting.append(act)

    def do(self) -> None:
        due, self.waiting = self.waiting, []
        for act in due:
            act()


class World:
    def __init__(
        self, database: Database, project: str, engine: type[FakeEngine] = Meddled, site: Site = SHARED
    ) -> None:
        with database.write() as tx:
            self.queue = queues.create(tx, Queue(uuid.uuid4().hex, cus=8, slots=8, project_id=project), now=1)
        self.clock = Clock()
        self.engine = engine(self.clock, PROGRAMS)
        self.acts = Later()
        self.wakes = 0
        self.offered: set[int] = set()
        self.noted: list[tuple[str, str]] = []
        self.metrics = Metrics()
        self._database = database
        self._project = project
        self._reconciler = Reconciler(
            queue=self.queue,
            database=database,
            engine=self.engine,
            room=lambda: Room(self.queue.name, 8, self._offer),
            in_background=self.acts.take,
            acts_at_once=ACTS_AT_ONCE,
            now_ms=self.clock,
            new_id=lambda: uuid.uuid4().hex,
            wake=self._wake,
            metrics=self.metrics,
            site=site,
            note_failure=lambda run_id, told: self.noted.append((run_id, told)),
        )

    def _offer(self, job: Job) -> Offer:
        self.offered.add(job.id)
        lines.line_of(job.config.flink_version, lines.DEFAULT)
        return Offer(cluster=self.engine.cluster, slots=8)

    def _wake(self) -> None:
        self.wakes += 1

    # the user's side

    def create(self, sql: str = "endless", **config: Any) -> Job:
        with self._database.write() as tx:
            made = draft(self._project, queue=self.queue.name, sql=sql, config=JobConfig(**config))
            return jobs.create(tx, made, CALLER)

    def started(self, sql: str = "endless", **config: Any) -> Job:
        return self.run(self.create(sql, **config))

    def run(self, job: Job, *, resume: bool = False) -> Job:
        return self.change(job, lambda job, now: calls.request_run(job, resume=resume, now=now))

    def stop(self, job: Job) -> Job:
        return self.change(job, lambda job, now: calls.request_stop(job, savepoint=None, now=now))

    def stop_with_savepoint(self, job: Job) -> Job:
        def stop(job: Job, now: int) -> Job:
            request = SavepointRequest(uuid.uuid4().hex, f"obs://penstock/sp/{job.id}/", now)
            return calls.request_stop(job, savepoint=request, now=now)

        return self.change(job, stop)

    def delete(self, job: Job) -> Job:
        return self.change(job, calls.request_delete)

    def change(self, job: Job, decide: Callable[[Job, int], Job]) -> Job:
        with self._database.write() as tx:
            now = self.clock()
            before = jobs.get_any(tx, job.id)
            after = jobs.record(tx, before, decide(before, now), now, CALLER)
        assert after is not None
        return after

    def becomes(self, job: Job, **fields: Any) -> Job:
        """Write the row as no call and no decision would."""
        return self.change(job, lambda job, now: replace(job, **fields))

    def scribble(self, job: Job, **columns: str) -> None:
        """Write columns of the row that this version may not be able to read."""
        with self._database.write() as tx:
            tx.execute(update(JOBS).where(JOBS.c.id == job.id).values(columns))

    # the controller's side

    def decide(self) -> bool:
        """Make a pass, and leave what it wants done for later."""
        return self._reconciler.make_pass()

    def tick(self) -> bool:
        """Make a pass, and do what it wants done."""
        moving = self.decide()
        self.acts.do()
        return moving

    def see(self, job: Job) -> Job:
        with self._database.read() as tx:
            return jobs.get_any(tx, job.id)

    def events(self, job: Job) -> list[Event]:
        with self._database.read() as tx:
            return [told.event for told in events.page(tx, EventFilter(self._project, job.id))]

    def until(self, job: Job, status: Status) -> Job:
        for _ in range(20):
            if self.see(job).status is status:
                return self.see(job)
            self.tick()
        raise AssertionError(f"the job is {self.see(job).status} and does not become {status}")

    def current_run(self, job: Job) -> Run:
        run = self.see(job).run
        assert run is not None
        return run
