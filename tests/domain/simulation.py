"""Random lives of one job: two racing controllers that crash, a user who changes their mind, and a troubled Flink.

Each world is made from its seed alone. `python -m tests.domain.simulation 20000` plays that many and prints the
seeds that went wrong, and how the lives have ended; with `mutations` after the number it counts for each mutation
in how many worlds it goes wrong as foretold.
"""

import random
import sys
from collections import Counter
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
from penstock.domain.job import Goal, Job, JobConfig, JobType, SavepointRequest, Status
from tests.domain import mutations, truth
from tests.domain.mutations import Mutation
from tests.domain.simulated_flink import UNUSABLE, Lost, SimulatedFlink
from tests.domain.simulated_parts import FlinkJob
from tests.domain.truth import StateLedger, Wrong

BUSY_TICKS, QUIET_TICKS = 100, 200
QUEUE_CUS = 4


Call = Callable[[Job, int], Job]


@dataclass
class Look:
    """A row as it was read, and what Flink said then; both may be out of date when they are used."""

    row: Job
    seen: Observation


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
        self.crowded = self.asleep = False
        self.crash = self.dice.choice((0.0, 0.1, 0.3))
        self.slowness = self.dice.choice((0.0, 0.2, 0.5, 0.8))
        self.sleepiness = self.dice.choice((0.0, 0.1))
        self.rereading = self.dice.choice((0.2, 0.5, 0.9))
        self.impatience = self.dice.choice((0.05, 0.15, 0.4))
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
        held: list[Look | None] = [None, None]
        self._write(calls.request_run(self.row, resume=False, now=self.flink.now))
        for _ in range(BUSY_TICKS):
            self._let_pass(quiet=False)
            self.crowded = self.dice.random() < (0.8 if self.crowded else 0.1)
            self.asleep = self.dice.random() < (0.9 if self.asleep else self.sleepiness)
            held = [self._busy_pass(look) for look in held]
            self.wrong |= truth.judge_now(self.row, self.flink)
        self.crash, self.impatience, self.crowded, self.asleep = 0, 0, False, False
        for _ in range(QUIET_TICKS):
            if truth.is_settled(self.row, self.flink):
                return self
            self._let_pass(quiet=True)
            self._pass(self._look())
            self.wrong |= truth.judge_now(self.row, self.flink)
        orphaned = self.flink.alive().keys() - {truth.run_id_of(self.row)}
        self.wrong.add(Wrong.ORPHAN if orphaned else Wrong.UNSETTLED)
        return self

    def _let_pass(self, *, quiet: bool) -> None:
        self.flink.let_pass(quiet=quiet)
        self.wrong |= truth.judge_now(self.row, self.flink)  # before anyone sees and mends it

    # --- the controllers ---

    def _busy_pass(self, look: Look | None) -> Look | None:
        """Let a controller look, or use an older look; users and the other controller come in between."""
        look = look or self._look()
        if self.dice.random() < self.impatience:
            self._user()
        if self.asleep or self.dice.random() < self.slowness:
            return look
        self._pass(self._read_anew(look) if self.dice.random() < self.rereading else look)
        return look if self.dice.random() < 0.1 else None

    def _look(self) -> Look:
        seen: Observation = self.flink.look(self.row)
        if self.row.run is None and isinstance(seen, Absent):
            for_ever = self.row.config.cus > QUEUE_CUS
            if for_ever or self.crowded:
                seen = Full(seen.sent_at, "no room", for_ever)
        return Look(self.row, seen)

    def _read_anew(self, look: Look) -> Look:
        """What was asked of another run says of this one only that it was not there."""
        seen = look.seen
        if truth.run_id_of(self.row) != truth.run_id_of(look.row) and not isinstance(seen, Unreachable):
            seen = Absent(seen.sent_at, self.flink.answering_since)
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
        self._judge_write(look.row, after)
        if after.run and after.run.id != truth.run_id_of(look.row):
            self._plan(after, after.run.id)
        self._write(after)
        return True

    def _write(self, row: Job) -> None:
        self.row = replace(row, version=self.row.version + 1, written_at=self.flink.now)

    def _act(self, action: Action | None) -> None:
        if action is None:
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
        usual = {self._run: 12, self._stop: 3, self._stop_saved: 3, self._save: 3, self._change: 3}
        habits = {call: share * self.dice.choice((0.3, 1, 5)) for call, share in usual.items()}
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

    def _change(self, row: Job, now: int) -> Job:
        """Another script, which cannot start from the state of this one; or another size."""
        cus = self.dice.choice((2, 2, 2, 2, QUEUE_CUS + 1))
        wanted = replace(row, sql=self.dice.choice("ab"), config=replace(row.config, cus=cus))
        return calls.request_update(row, wanted, now)

    def _delete(self, row: Job, now: int) -> Job:
        return calls.request_delete(row, now)

    def _request(self, now: int) -> SavepointRequest:
        target = UNUSABLE if self.dice.random() < 0.1 else "obs://b/"
        return SavepointRequest(f"trigger-{self._new_id()}", target, now)

    # --- what is judged ---

    def _judge_start(self, job: FlinkJob) -> None:
        self._note(self.ledger.judge_start(job))

    def _judge_write(self, before: Job, after: Job) -> None:
        self._note(truth.judge_write(before, after, self.flink))

    def _note(self, wrong: Wrong | None) -> None:
        if wrong is not None:
            self.wrong.add(wrong)

    def _note_shown(self, look: Look) -> None:
        seen = look.seen
        if (
            look.row.goal is not Goal.REST
            and isinstance(seen, Alive | Ended)
            and seen.sent_at > look.row.written_at
        ):
            self.ledger.shown(look.row, seen)

    def _plan(self, row: Job, run_id: str) -> None:
        self.recorded.add(run_id)
        restart = row.restart_count > 0
        self.ledger.planned(run_id, with_state=not restart or row.config.restart_from_checkpoint)
        if restart:
            self._planned_restarts.append(self.flink.now)
            limit = row.config.restart_limit_per_hour
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


def main() -> None:
    worlds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    if "mutations" in sys.argv:
        for mutation in mutations.RULES + mutations.OTHERS:
            caught = sum(bool(World(seed, mutation).play().wrong & mutation.leads_to) for seed in worlds)
            print(f"{caught:>8} {mutation.name}", flush=True)
        return
    ends: Counter[Status] = Counter()
    bad = 0
    for seed in worlds:
        world = World(seed).play()
        ends[world.row.status] += 1
        if world.wrong:
            bad += 1
            print(f"seed {seed}: {', '.join(sorted(world.wrong))}")
    for status, count in ends.most_common():
        print(f"{count:>8} {status}")
    print(f"{len(worlds)} worlds, {bad} went wrong")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
