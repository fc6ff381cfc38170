"""Service processes that crash: the real reconciler and store, over a database and an engine that outlive them.

A crash is raised right before or after a transaction or an act. Nothing in the service catches it, and what the
process still had to do is lost with it.
"""

import contextlib
import random
from collections.abc import Callable, Collection, Iterator

from sqlalchemy import Connection

from penstock.controller.capacity import Offer, Room
from penstock.controller.leases import LEASE_MS
from penstock.controller.reconcile import Reconciler
from penstock.domain import calls
from penstock.domain.engine import (
    Action,
    Ending,
    EngineUnavailable,
    Overview,
    Refused,
    Submit,
    Unreachable,
    Watched,
)
from penstock.domain.errors import NotAllowed
from penstock.domain.history import CONTROLLER
from penstock.domain.job import Goal, Job, JobConfig, SavepointRequest, Status
from penstock.domain.queue import Holder, Queue
from penstock.store import jobs, queues
from penstock.store.database import Database
from penstock.telemetry import Metrics
from tests.controller.world import ACTS_AT_ONCE, CALLER, PROGRAMS, Clock, Later
from tests.fake_engine import FakeEngine, FakeRun
from tests.store.conftest import draft

JOBS, BUSY_TICKS, QUIET_TICKS, LATE_TICK = 3, 15, 60, 16
SHORT_PAUSE_MS = 100_000
"""With a submission still to be sent; a longer one than its window is what cancelling on sight is for."""
LONG_PAUSE_MS = 400_000
ROOM = 8


_TRUE_OF = {
    Goal.REST: calls.MAY_RUN,
    Goal.RUN: {Status.SUBMITTING, Status.RUNNING, Status.SAVEPOINTING, Status.CANCELING},
    Goal.STOP: {Status.CANCELING},
    Goal.STOP_WITH_SAVEPOINT: {Status.SAVEPOINTING, Status.CANCELING},
    Goal.WATCH: {Status.CANCEL_FAILED, Status.SAVEPOINTING},
}
"""What a row may say, by what its user wants."""


class Crash(BaseException):
    """The process is killed here."""


class Fuse:
    """Kills its process at the n-th dangerous place from now; None spares it."""

    left: int | None = None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash


class CrashingDatabase(Database):
    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self._fuse = fuse

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        self._fuse.burn()
        with super().write() as tx:
            yield tx
            self._fuse.burn()
        self._fuse.burn()


class CrashingEngine:
    """One process's way to the engine that all share."""

    def __init__(self, engine: FakeEngine, fuse: Fuse, meanwhile: Callable[[], None]) -> None:
        self._engine = engine
        self._fuse = fuse
        self._meanwhile = meanwhile

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        seen = self._engine.look(watched)
        self._meanwhile()
        return seen

    def perform(self, action: Action) -> None:
        self._fuse.burn()
        try:
            self._engine.perform(action)
        finally:
            self._fuse.burn()


class Process:
    def __init__(self, plant: "Plant", url: str) -> None:
        self.fuse = Fuse()
        self.holder = Holder(plant.new_id(), "here")
        self._acts = Later()
        self._database = CrashingDatabase(url, self.fuse)
        self._reconciler = plant.reconciler(
            queue=plant.queue,
            database=self._database,
            engine=CrashingEngine(plant.engine, self.fuse, lambda: plant.meanwhile(self)),
            room=plant.room,
            in_background=self._acts.take,
            acts_at_once=ACTS_AT_ONCE,
            now_ms=plant.clock,
            new_id=plant.new_id,
            wake=lambda: None,
            metrics=Metrics(),
        )

        self._plant = plant

    def look_and_decide(self) -> None:
        if self._plant.may_keep(self):
            self._reconciler.make_pass()

    def act(self) -> None:
        self._acts.do()

    @property
    def may_be_paused_ms(self) -> int:
        return SHORT_PAUSE_MS if self._acts.waiting else LONG_PAUSE_MS

    def end(self) -> None:
        self._database.close()


class Plant:
    """Two processes that keep the jobs of one queue, their users, and an engine with troubles.

    In half of the plants they take turns by the lease on the queue, in the others both keep it at once.
    """

    def __init__(
        self, seed: int, database: Database, url: str, project: str, reconciler: type[Reconciler] = Reconciler
    ) -> None:
        self._dice = random.Random(seed)
        self._leased = self._dice.random() < 0.5
        self.reconciler = reconciler
        self.pauses = self.deaths = self.moves = 0
        self._recycling = False
        self._database = database
        self._url = url
        with database.write() as tx:
            self.queue = queues.create(tx, Queue(self.new_id(), ROOM, ROOM, project), now=1)
        self.clock = Clock()
        self.engine = FakeEngine(self.clock, PROGRAMS)
        self._stuck: list[Submit] = []
        """Submissions that land after every window."""
        self._busy, self._interrupted = True, False
        self._processes = [self._new_process(), self._new_process()]
        with database.write() as tx:
            self._ids = [jobs.create(tx, self._draft(project), CALLER).id for _ in range(JOBS)]
        self.crashes = 0
        self.wrong: set[str] = set()

    def _draft(self, project: str) -> Job:
        config = JobConfig(
            checkpoint_enabled=True,
            restart_on_failure=self._dice.random() < 0.8,
            restart_from_checkpoint=True,
            cus=self._dice.choice((2, 5)),
        )
        return draft(
            project, queue=self.queue.name, sql=self._dice.choice(("endless", "endless", "bounded")), config=config
        )

    def _new_process(self) -> Process:
        return Process(self, self._url)

    def new_id(self) -> str:
        return f"{self._dice.getrandbits(128):032x}"

    def play(self) -> "Plant":
        for _ in range(BUSY_TICKS):
            self.clock.now += self._dice.randint(100, 6_000)
            self._user()
            self._trouble()
            self._work()
            self._judge_now()
        self._calm_down()
        for tick in range(QUIET_TICKS):
            self.clock.now += 15_000
            if tick == LATE_TICK:
                self._land(self._stuck)
            self._work()
            self._judge_now()
            unsettled = self._unsettled()
            if not unsettled and (tick > LATE_TICK or not self._stuck):
                break
        else:
            self.wrong |= unsettled
        for process in self._processes:
            process.end()
        return self

    def rows(self) -> list[Job]:
        with self._database.read() as tx:
            return [jobs.get_any(tx, job_id) for job_id in self._ids]

    # --- the processes ---

    def may_keep(self, process: Process) -> bool:
        if not self._leased:
            return True
        with self._database.write() as tx:
            return queues.take_lease(tx, self.queue.id, process.holder, self.clock.now, self.clock.now + LEASE_MS)

    def room(self) -> Room:
        closed = "its cluster is being recycled" if self._recycling else None
        return Room(self.queue.name, ROOM, lambda _: Offer(cluster=self.engine.cluster, slots=ROOM, closed=closed))

    def _work(self) -> None:
        """Let both look and decide, in any order, before or between or after each other's acts."""
        steps = [(at, step) for at in (0, 1) for step in (Process.look_and_decide, Process.act)]
        self._dice.shuffle(steps)
        for at, step in steps:
            self._do(at, step)

    def _do(self, at: int, step: Callable[[Process], None]) -> None:
        process = self._processes[at]
        process.fuse.left = self._dice.randint(0, 6) if self._busy and self._dice.random() < 0.2 else None
        try:
            step(process)
        except Crash:
            process.end()
            self.crashes += 1
            self._processes[at] = self._new_process()

    def meanwhile(self, looking: Process) -> None:
        """While one process waits for the answer to its look, users call, and the other goes on.

        Now and then the waiting one is paused for long, and goes on with an old look.
        """
        if not self._busy or self._interrupted or self._dice.random() < 0.4:
            return
        self._interrupted = True
        paused = self._dice.random() < 0.25
        self.pauses += paused
        until = self.clock.now + (self._dice.randrange(looking.may_be_paused_ms) if paused else 0)
        for _ in range(self._dice.randint(3, 8) if paused else 1):
            self.clock.now += max(0, until - self.clock.now) // 3
            self._user()
            if paused:
                self._trouble()
            self._do(1 if looking is self._processes[0] else 0, Process.look_and_decide)
            self._do(1 if looking is self._processes[0] else 0, Process.act)
        self._interrupted = False

    # --- users and troubles ---

    def _user(self) -> None:
        if self._dice.random() < 0.3:
            return
        with self._database.write() as tx:
            now = self.clock()
            before = jobs.get_any(tx, self._dice.choice(self._ids))
            with contextlib.suppress(NotAllowed):
                jobs.record(tx, before, self._call(before, now), now, CALLER)

    def _call(self, job: Job, now: int) -> Job:
        request = SavepointRequest(self.new_id(), f"obs://penstock/sp/{job.id}/", now)
        match self._dice.randint(0, 40):
            case 0:
                return calls.request_delete(job, now)
            case dice if dice < 20:
                return calls.request_run(job, resume=True, now=now)
            case dice if dice < 30:
                return calls.request_stop(job, savepoint=None, now=now)
            case dice if dice < 36:
                return calls.request_stop(job, savepoint=request, now=now)
        return calls.request_savepoint(job, request)

    def _trouble(self) -> None:
        engine = self.engine
        if self._dice.random() < 0.15:
            engine.away = None if engine.away else "connection refused"
        if self._dice.random() < 0.15:
            engine.holds_submissions = not engine.holds_submissions
        if self._dice.random() < 0.2:
            self._land(engine.held)
        if engine.held and self._dice.random() < 0.3:
            self._stuck.append(engine.held.pop())
        engine.savepoints_fail = "a task is gone" if self._dice.random() < 0.1 else None
        engine.savepoints_refused = "nothing can be written there" if self._dice.random() < 0.05 else None
        self._fault([run_id for run_id, run in engine.runs.items() if run.how is None and run.running])

    def _fault(self, running: list[str]) -> None:
        engine = self.engine
        match self._dice.randint(0, 30):
            case 0 | 1 if running:
                engine.end(self._dice.choice(running), Ending.FAILED, "/ by zero")
            case 2 if running:
                engine.restart(self._dice.choice(running), "a TaskManager is gone")
            case 3:
                engine.held.clear()
                self._stuck.clear()
                engine.lose()
            case 4:
                self._die(planned=False)
            case 5 | 6 | 7 | 8 if self._recycling:
                self._die(planned=True)
            case 5 | 6 | 7 | 8:
                self._recycling = True
                self._move_all()

    def _die(self, *, planned: bool) -> None:
        """Let the cluster die as a unit, and what was on its way there with it."""
        self.deaths += 1
        self._recycling = False
        self._stuck.clear()
        self.engine.die(planned=planned)

    def _move_all(self) -> None:
        for job_id in self._ids:
            with self._database.write() as tx:
                now, before = self.clock(), jobs.get_any(tx, job_id)
                request = SavepointRequest(
                    self.new_id(), f"obs://penstock/mv/{job_id}/", now, give_up_at=now + 60_000
                )
                after = calls.request_move(before, request)
                if before.savepoint_request is None and after != before:
                    jobs.record(tx, before, after, now, CONTROLLER)
                    self.moves += 1

    def _land(self, submissions: list[Submit]) -> None:
        """Let them take effect; what is refused is gone, as nobody waits for the answer any more."""
        for submit in tuple(submissions):
            self.engine.held = [submit]
            with contextlib.suppress(Refused, EngineUnavailable):
                self.engine.land()

    def _calm_down(self) -> None:
        self._busy = self._recycling = False
        self.engine.away, self.engine.holds_submissions = None, False
        self.engine.savepoints_fail = self.engine.savepoints_refused = None
        self._land(self.engine.held)

    # --- what must hold ---

    def _alive(self) -> dict[str, FakeRun]:
        return {run_id: run for run_id, run in self.engine.runs.items() if run.how is None}

    def _judge_now(self) -> None:
        late = {_run_id(submit) for submit in self._stuck}
        doubled = [run.job.id for run_id, run in self._alive().items() if not run.cancelling and run_id not in late]
        if len(doubled) > len(set(doubled)):
            self.wrong.add("two live runs of one job")
        for row in self.rows():
            listed = row.deleted_at is None and row.goal is not Goal.DELETE
            if listed and (row.status not in _TRUE_OF[row.goal] or (row.goal is Goal.REST and row.run)):
                self.wrong.add(f"a row whose goal is {row.goal} says {row.status}")

    def _unsettled(self) -> set[str]:
        """Say what keeps rows and engine from agreeing: one live run for each running row, and no other."""
        alive = set(self._alive())
        current: set[str] = set()
        wrong: set[str] = set()
        for row in self.rows():
            run_id = row.run.id if row.run else None
            current |= {run_id} if run_id else set()
            running = row.status in (Status.RUNNING, Status.CANCEL_FAILED) and run_id in alive
            waiting = row.status is Status.SUBMITTING and row.run is None
            if not (row.goal is Goal.REST or running or waiting):
                wrong.add(f"job {row.status}, goal {row.goal}, live: {run_id in alive}")
        return wrong | ({"a live run without a row"} if alive - current else set())


def _run_id(submit: Submit) -> str:
    assert submit.job.run is not None
    return submit.job.run.id
