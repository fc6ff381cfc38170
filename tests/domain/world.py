"""One random life of a job: two racing controllers that crash and pause, a user and an operator who change their
minds, and a troubled Flink. Each world is made from its seed alone.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from penstock.domain import calls, lifecycle
from penstock.domain.engine import (
    Absent,
    Action,
    Alive,
    Cancel,
    Ended,
    Full,
    Gone,
    Observation,
    Refusal,
    Refused,
    SavepointRefusal,
    StopWithSavepoint,
    Submit,
    TriggerSavepoint,
    Unanswered,
    Unreachable,
)
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Goal, Job, JobConfig, JobType, SavepointRequest
from tests.domain import mutations, truth
from tests.domain.mutations import Mutation
from tests.domain.simulated_flink import UNUSABLE, Lost, SimulatedFlink
from tests.domain.simulated_parts import FlinkJob
from tests.domain.truth import StateLedger, Wrong

BUSY_TICKS, QUIET_TICKS = 100, 200
QUEUE_CUS = 4
PATIENCE_MS = 90_000


NOWHERE = "obs://b/nothing/"
"""No state lies here."""
Call = Callable[[Job, int], Job]


@dataclass
class Look:
    """A row as it was read, and what Flink said then; both may be out of date when they are used."""

    row: Job
    seen: Observation


@dataclass
class Controller:
    look: Look | None = None
    """What it has yet to decide upon."""
    paused: int = 0
    """For so many ticks; it may have lost its lease since."""


class World:
    """One job, its row, its Flink, two controllers and a user."""

    def __init__(self, seed: int, mutation: Mutation = mutations.NONE) -> None:
        self.seed = seed
        self.mutation = mutation
        self.dice = random.Random(seed)
        self.flink = SimulatedFlink(self.dice, self._judge_start)
        self.ledger = StateLedger(self.flink.written)
        self.wrong: set[Wrong] = set()
        self.recorded: set[str] = set()
        self.late: list[tuple[int, Action]] = []
        """Acts of controllers that were paused after they had recorded them, and when they are done."""
        self.crowded = self.asleep = self.recycling = False
        self.crash = self.dice.choice((0.0, 0.1, 0.3))
        self.slowness = self.dice.choice((0.0, 0.2, 0.5, 0.8))
        self.sleepiness = self.dice.choice((0.0, 0.1))
        self.rereading = self.dice.choice((0.2, 0.5, 0.9))
        self.impatience = self.dice.choice((0.05, 0.15, 0.4))
        self.pausing = self.dice.choice((0.0, 0.0, 0.0, 0.02))
        self.lateness = self.dice.choice((0.0, 0.0, 0.2))
        self.gives_up = self.flink.may_hang = self.dice.random() < 0.4
        self.tidiness = self.dice.choice((0.0, 0.0, 0.08))
        self.habits = self._draw_habits()
        config = JobConfig(
            restart_on_failure=self.dice.random() < 0.8,
            restart_from_checkpoint=self.dice.random() < 0.9,
            restart_limit_per_hour=self.dice.choice((-1, 2)),
        )
        self.row = Job(1, "p", "u", "u", JobType.SQL, "job", "default", 0, 0, sql="a", config=config)
        self._ids = 0
        self._planned_restarts: list[int] = []

    def play(self) -> "World":
        controllers = Controller(), Controller()
        self._write(calls.request_run(self.row, resume=False, now=self.flink.now))
        for _ in range(BUSY_TICKS):
            self._let_pass(quiet=False)
            self.crowded = self.dice.random() < (0.8 if self.crowded else 0.1)
            self.asleep = self.dice.random() < (0.9 if self.asleep else self.sleepiness)
            self._operate()
            for controller in controllers:
                self._busy_pass(controller)
            self.wrong |= truth.judge_now(self.row, self.flink)
        self.crash = self.impatience = self.lateness = 0
        self.crowded = self.asleep = self.recycling = False
        for _ in range(QUIET_TICKS):
            if not self.late and truth.is_settled(self.row, self.flink):
                return self._judge_rest()
            self._let_pass(quiet=True)
            self._pass(self._look())
            self.wrong |= truth.judge_now(self.row, self.flink)
        orphaned = self.flink.alive().keys() - {truth.run_id_of(self.row)}
        self.wrong.add(Wrong.ORPHAN if orphaned else Wrong.UNSETTLED)
        return self

    def _judge_rest(self) -> "World":
        if not self.flink.away and self.row.deleted_at is None:
            self._pass(self._look())
            self._note(Wrong.SILENT if self.row.unreachable_since is not None else None)
        return self

    def _let_pass(self, *, quiet: bool) -> None:
        self.flink.let_pass(quiet=quiet)
        due = [action for at, action in self.late if at <= self.flink.now]
        self.late = [(at, action) for at, action in self.late if at > self.flink.now]
        for action in due:
            if isinstance(action, Submit):
                self.flink.belated.add(_run_id(action))
            self._act(action)
        self.wrong |= truth.judge_now(self.row, self.flink)  # before anyone sees and mends it

    # --- the controllers ---

    def _busy_pass(self, controller: Controller) -> None:
        """Let a controller look, or use an older look; users and the other controller come in between."""
        if controller.paused:
            controller.paused -= 1
            return
        look = controller.look = controller.look or self._look()
        if self.dice.random() < self.impatience:
            self._user()
        if self.dice.random() < self.pausing:
            controller.paused = self.dice.randint(3, 60)
        elif not self.asleep and self.dice.random() >= self.slowness:
            self._pass(self._read_anew(look) if self.dice.random() < self.rereading else look)
            controller.look = look if self.dice.random() < 0.1 else None

    def _look(self) -> Look:
        seen: Observation = self.flink.look(self.row)
        if self.row.run is None and isinstance(seen, Absent):
            for_ever = self.row.config.cus > QUEUE_CUS
            if for_ever or self.crowded:
                seen = Full(seen.sent_at, "no room", for_ever)
        if self.recycling and isinstance(seen, Absent) and (self.row.run is None or not self.row.run.attempts):
            seen = Full(seen.sent_at, "the cluster is being recycled")
        return Look(self.row, seen)

    def _read_anew(self, look: Look) -> Look:
        """What was asked of another run says of this one only that it was not there."""
        seen = look.seen
        if truth.run_id_of(self.row) != truth.run_id_of(look.row) and not isinstance(seen, Unreachable):
            seen = Absent(seen.sent_at, self.flink.answering_since, self.flink.cluster)
        return Look(self.row, seen)

    def _pass(self, look: Look) -> None:
        step = self._decide(look.row, look.seen)
        if self._crashes():
            return
        if self.mutation.acts_before_it_records:
            self._act(step.action)
            if not self._crashes():
                self._record(look, step.job)
        elif self._record(look, step.job) and not self._crashes():
            self._act(step.action)
        self._cancel_superseded()

    def _decide(self, job: Job, seen: Observation) -> lifecycle.Step:
        self.flink.now += 1
        return self.mutation.decide(job, seen, self.flink.now, self._new_id)

    def _record(self, look: Look, after: Job) -> bool:
        if look.row.version == self.row.version:
            self._note_shown(look)
        if after == look.row:
            return True
        if self.row.version != look.row.version and not self.mutation.overwrites_newer_rows:
            return False
        self._note(truth.judge_write(look.row, after, self.flink))
        self._note(truth.judge_end(look.row, after, look.seen, self.flink))
        if after.run and after.run.id != truth.run_id_of(look.row):
            self._plan(look, after, after.run.id)
        if isinstance(look.seen, Refusal) and look.row.savepoint and not after.savepoint:
            self.ledger.saved = None
        self._write(after)
        return True

    def _write(self, row: Job) -> None:
        self.row = replace(row, version=self.row.version + 1, written_at=self.flink.now)

    def _act(self, action: Action | None) -> None:
        if action is None:
            return
        if self.dice.random() < self.lateness:
            self.late.append(
                (self.flink.now + self.dice.randint(1_000, self.dice.choice((60_000, 250_000))), action)
            )
            return
        if self.dice.random() < self.impatience / 4:
            self._user()
        try:
            self.flink.perform(action)
        except Lost:
            if isinstance(action, Submit):
                self._tell(Unanswered(_run_id(action), "no answer"))
        except Refused as refused:
            self._tell(_refusal(action, refused))

    def _tell(self, told: Observation) -> None:
        if not self._crashes():
            self._record(Look(self.row, told), self._decide(self.row, told).job)

    def _cancel_superseded(self) -> None:
        if self.mutation.spares_superseded_runs or self.flink.away:
            return
        for run_id in self.flink.alive().keys() & self.recorded - {truth.run_id_of(self.row)}:
            self._act(Cancel(run_id))

    def _crashes(self) -> bool:
        return self.dice.random() < self.crash

    def _new_id(self) -> str:
        self._ids += 1
        return f"run{self._ids}"

    # --- the operator ---

    def _operate(self) -> None:
        """End the cluster at times, most often after its jobs were asked to move."""
        if not self.flink.is_ours:
            return
        if self.recycling and self.dice.random() < 0.1:
            self.flink.end_on_purpose()
            self.recycling = False
        elif self.dice.random() < self.tidiness:
            self.recycling = True
            self.flink.now += 1
            row = calls.request_move(self.row, replace(self._request(self.flink.now), give_up_at=None))
            if row != self.row:
                self._write(row)
        elif self.dice.random() < self.tidiness / 4:
            self.flink.end_on_purpose()

    # --- the user ---

    def _user(self) -> None:
        """Make one call at random; most are refused for the job's status, as they should be."""
        self.flink.now += 1
        [call] = self.dice.choices(list(self.habits), list(self.habits.values()))
        if self.row.deleted_at is None:
            try:
                self._write(call(self.row, self.flink.now))
            except NotAllowed:
                return

    def _draw_habits(self) -> dict[Call, float]:
        """Say how likely each call is; users differ in what they do most."""
        usual = {
            self._run: 12,
            self._stop: 3,
            self._stop_saved: 3,
            self._save: 3,
            self._change: 3,
            self._import: 0.5,
        }
        habits: dict[Call, float] = {call: share * self.dice.choice((0.3, 1, 5)) for call, share in usual.items()}
        return habits | {self._delete: 0.2}

    def _run(self, row: Job, now: int) -> Job:
        resume = self.dice.random() < 0.8
        after = calls.request_run(row, resume=resume, now=now)
        self.ledger.run_asked_for(resume=resume)
        self._planned_restarts.clear()
        return after

    def _stop(self, row: Job, now: int) -> Job:
        return calls.request_stop(row, savepoint=None, now=now)

    def _stop_saved(self, row: Job, now: int) -> Job:
        return calls.request_stop(row, savepoint=self._request(now), now=now)

    def _save(self, row: Job, now: int) -> Job:
        return calls.request_savepoint(row, self._request(now))

    def _import(self, row: Job, now: int) -> Job:
        """Any savepoint that was ever written, even if it is no longer there, or none."""
        saved = [state for state in self.flink.written.values() if not state.is_checkpoint]
        state = self.dice.choice(saved) if saved and self.dice.random() < 0.9 else None
        after = calls.request_import(row, state.address if state else NOWHERE)
        self.ledger.imported(state.number if state else None)
        return after

    def _change(self, row: Job, now: int) -> Job:
        """Another script, which cannot start from the state of this one; or another size."""
        cus = self.dice.choice((2, 2, 2, 2, QUEUE_CUS + 1))
        wanted = replace(row, sql=self.dice.choice("ab"), config=replace(row.config, cus=cus))
        return calls.request_update(row, wanted, now)

    def _delete(self, row: Job, now: int) -> Job:
        return calls.request_delete(row, now)

    def _request(self, now: int) -> SavepointRequest:
        target = UNUSABLE if self.dice.random() < 0.1 else "obs://b/"
        give_up_at = now + PATIENCE_MS if self.gives_up else None
        return SavepointRequest(f"trigger-{self._new_id()}", target, now, give_up_at=give_up_at)

    # --- what is judged ---

    def _judge_start(self, job: FlinkJob) -> None:
        self._note(self.ledger.judge_start(job))
        earlier = self.flink.past.get(job.run.id)
        self._note(Wrong.TWICE if earlier and earlier.cluster != job.cluster else None)

    def _note(self, wrong: Wrong | None) -> None:
        if wrong is not None:
            self.wrong.add(wrong)

    def _note_shown(self, look: Look) -> None:
        seen = look.seen
        if (
            look.row.goal is not Goal.REST
            and isinstance(seen, Absent | Gone | Alive | Ended)
            and look.row.run is not None
            and seen.sent_at > look.row.written_at
        ):
            self.ledger.shown(look.row, seen)

    def _plan(self, look: Look, after: Job, run_id: str) -> None:
        self.recorded.add(run_id)
        ours = truth.ended_by_us(look.row, look.seen, self.flink)
        restart = look.row.run is not None and after.started_at is not None and not ours
        self.ledger.planned(run_id, with_state=not restart or after.config.restart_from_checkpoint)
        self._note(truth.judge_next_run(look.row, after, look.seen, self.flink))
        if restart:
            self._planned_restarts.append(self.flink.now)
            limit = after.config.restart_limit_per_hour
            if 0 <= limit < len(self._planned_restarts):
                self.wrong.add(Wrong.OVER_BUDGET)


def _run_id(action: Submit) -> str:
    assert action.job.run is not None
    return action.job.run.id


def _refusal(action: Action, refused: Refused) -> Observation:
    match action:
        case TriggerSavepoint(_, request) | StopWithSavepoint(_, request):
            return SavepointRefusal(request.trigger_id, refused.reason)
        case Submit():
            return Refusal(_run_id(action), refused.reason, refused.state_missing)
    raise refused
