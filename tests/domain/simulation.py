"""Random lives of one job: slow and refused submissions, crashes, racing controllers, users who change their mind.

Each world is made from its seed alone. `python -m tests.domain.simulation 20000` plays that many and prints the
seeds that went wrong.
"""

import random
import sys
from collections import Counter
from dataclasses import dataclass, field, replace

from penstock.domain import calls, lifecycle
from penstock.domain.engine import (
    Absent,
    Action,
    Alive,
    Cancel,
    Ended,
    Ending,
    Observation,
    Refusal,
    Refused,
    SavepointFailed,
    SavepointState,
    SavepointWritten,
    StopWithSavepoint,
    Submit,
    TriggerSavepoint,
    Unreachable,
)
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Goal, Job, JobConfig, JobType, Run, SavepointRequest, Status

BUSY_TICKS, QUIET_TICKS = 120, 100
LATE_MS = 25_000
"""A slow submission lands within this time; one that a paused JobManager holds lands after any window."""


@dataclass
class Rules:
    """The eight rules that a mutation can take away."""

    record_before_act: bool = True
    same_id_on_retry: bool = True
    wait_out_the_window: bool = True
    refusal_waits_for_earlier_attempts: bool = True
    writes_name_their_version: bool = True
    newest_state_is_passed_on: bool = True
    old_observations_are_dropped: bool = True
    superseded_runs_are_cancelled: bool = True


@dataclass
class FlinkJob:
    run: Run
    landed_late: bool
    state: str = "CREATED"
    ran: bool = False
    checkpoint: str | None = None
    newest: str | None = None
    savepoints: dict[str, SavepointState] = field(default_factory=dict)
    ended_at: int = 0

    @property
    def alive(self) -> bool:
        return self.state in ("CREATED", "RUNNING", "CANCELLING")


class Lost(Exception):
    """The answer never came; the act may have happened."""


class Cluster:
    """A Flink that may be slow or away, and whose jobs fail; it keeps what real Flink was seen to keep."""

    def __init__(self, random_: random.Random) -> None:
        self.random = random_
        self.now = 1_000_000
        self.answering_since = self.now
        self.jobs: dict[str, FlinkJob] = {}
        self.on_the_way: list[tuple[int, bool, Run]] = []
        self.away = False
        self.failed_triggers: set[str] = set()
        self._states = 0

    def new_state(self, kind: str) -> str:
        self._states += 1
        return f"{kind}-{self._states:05}"

    def perform(self, action: Action) -> None:
        if self.away:
            raise Lost
        match action:
            case Submit(job):
                self._submit(job)
            case Cancel(run_id):
                self._cancel(run_id)
            case TriggerSavepoint(run_id, request) | StopWithSavepoint(run_id, request):
                self._savepoint(run_id, request, stop=isinstance(action, StopWithSavepoint))

    def _submit(self, job: Job) -> None:
        run = job.run
        assert run is not None
        dice = self.random.random()
        if run.id not in self.jobs and dice < 0.10:
            raise Refused("bad SQL")
        if dice < 0.45:
            held = dice < 0.25
            delay = 90_000 if held else self.random.randint(1_000, LATE_MS)
            self.on_the_way.append((self.now + delay, held, run))
            raise Lost
        self._land(run, late=False)

    def _land(self, run: Run, *, late: bool) -> None:
        if run.id not in self.jobs:  # Flink refuses an id that it has seen
            self.jobs[run.id] = FlinkJob(run, late, newest=run.resume_from)

    def _cancel(self, run_id: str) -> None:
        job = self.jobs.get(run_id)
        if job and job.alive:
            job.state = "CANCELLING"

    def _savepoint(self, run_id: str, request: SavepointRequest, *, stop: bool) -> None:
        job = self.jobs.get(run_id)
        if job is None or job.state != "RUNNING" or request.trigger_id in job.savepoints:
            return
        if self.random.random() < 0.3:
            job.savepoints[request.trigger_id] = SavepointFailed("a task is gone")
            self.failed_triggers.add(request.trigger_id)
            return
        job.newest = self.new_state("sp")
        job.savepoints[request.trigger_id] = SavepointWritten(job.newest)
        if stop:
            self._end(job, "FINISHED")

    def _end(self, job: FlinkJob, state: str) -> None:
        job.state, job.ended_at = state, self.now

    def look(self, job: Job) -> Observation:
        if self.away:
            return Unreachable()
        found = self.jobs.get(job.run.id) if job.run else None
        if found is None:
            return Absent(self.now, self.answering_since)
        trigger = job.savepoint_request.trigger_id if job.savepoint_request else ""
        savepoint = found.savepoints.get(trigger)
        if found.alive:
            return Alive(
                sent_at=self.now,
                answering_since=self.answering_since,
                started_at=1,
                all_running=found.state == "RUNNING",
                cancelling=found.state == "CANCELLING",
                checkpoint=found.checkpoint,
                savepoint=savepoint,
            )
        return Ended(
            sent_at=self.now,
            how=Ending(found.state),
            started_at=1,
            ended_at=found.ended_at,
            ran=found.ran,
            checkpoint=found.checkpoint,
            savepoint=savepoint,
        )

    def live(self, *, quiet: bool) -> None:
        """Let some seconds pass."""
        self.now += self.random.randint(1_000, 8_000)
        for arrival in [one for one in self.on_the_way if one[0] <= self.now]:
            self.on_the_way.remove(arrival)
            self._land(arrival[2], late=arrival[1])
        for job in self.jobs.values():
            self._live_job(job, quiet=quiet)
        if quiet or self.random.random() < 0.05:
            was_away, self.away = self.away, not quiet and not self.away
            if was_away:
                self.answering_since = self.now

    def _live_job(self, job: FlinkJob, *, quiet: bool) -> None:
        dice = self.random.random()
        if job.state == "CANCELLING" and dice < 0.7:
            self._end(job, "CANCELED")
        elif job.state == "CREATED" and dice < 0.6:
            job.state, job.ran = "RUNNING", True
        elif job.state == "CREATED" and not quiet and dice < 0.65:
            self._end(job, "FAILED")
        elif job.state == "RUNNING" and dice < 0.4:
            job.checkpoint = job.newest = self.new_state("cp")
        elif job.state == "RUNNING" and not quiet and dice < 0.5:
            self._end(job, "FAILED" if dice < 0.49 else "FINISHED" if dice < 0.495 else "CANCELED")


class World:
    """One job, its row, its cluster, two controllers and a user."""

    def __init__(self, seed: int, rules: Rules | None = None) -> None:
        self.seed = seed
        self.rules = rules or Rules()
        self.random = random.Random(seed)
        self.cluster = Cluster(self.random)
        config = JobConfig(
            restart_on_failure=self.random.random() < 0.8,
            restart_from_checkpoint=True,
            restart_limit_per_hour=self.random.choice([-1, 2]),
        )
        self.row = Job(1, "p", "u", "u", JobType.SQL, "job", "default", 0, 0, config=config)
        self.recorded: set[str] = set()
        self.resumed: list[tuple[str | None, str | None]] = []
        self.ids = 0
        self.wrong: list[str] = []
        self.last_seen: tuple[Job, Observation] = (self.row, Unreachable())

    def new_id(self) -> str:
        self.ids += 1
        return f"{self.seed}-{self.ids}"

    def play(self) -> "World":
        for tick in range(BUSY_TICKS + QUIET_TICKS):
            quiet = tick >= BUSY_TICKS
            self.cluster.live(quiet=quiet)
            if quiet:
                self._pass(crashes=False)
            else:
                self._race()
            self._check_now()
            if quiet and self._is_calm():
                break
        self._check_end()
        return self

    def _race(self) -> None:
        """Let two controllers look, then one after the other (or after the user) read, decide, record and act."""
        watched = self.row
        seen = self.cluster.look(watched)
        read = self.row
        if self.random.random() < 0.10:
            self._user()
        self._pass(crashes=True, read=read, seen=seen)
        stale = self.random.random() < 0.5
        if self.random.random() < 0.25:
            self._user()
        self._pass(crashes=True, read=None if stale else read, seen=seen, watched=watched)

    def _pass(
        self,
        *,
        crashes: bool,
        read: Job | None = None,
        seen: Observation | None = None,
        watched: Job | None = None,
    ) -> None:
        """Make one pass; `seen` may be older than the row that is `read` (None: read now)."""
        before = read or self.row
        seen = self._seen(before, seen, watched)
        step = self._decide(before, seen)
        self.cluster.now += 1
        if not self._crashes(crashes, 0.05):
            self._record_and_act(before, step, crashes=crashes)
            self._cancel_superseded()

    def _seen(self, before: Job, seen: Observation | None, watched: Job | None) -> Observation:
        if seen is None:
            seen = self.cluster.look(before)
        elif watched is not None and _run_id(watched) != _run_id(before) and not isinstance(seen, Unreachable):
            # What was asked of another run says of this one only that it was not there.
            seen = Absent(seen.sent_at, self.cluster.answering_since)
        if not self.rules.old_observations_are_dropped and not isinstance(seen, Unreachable | Refusal):
            seen = replace(seen, sent_at=self.cluster.now + 1)
        return seen

    def _record_and_act(self, before: Job, step: lifecycle.Step, *, crashes: bool) -> None:
        if self.rules.record_before_act:
            if self._record(before, step.job) and not self._crashes(crashes, 0.08):
                self._act(step.action, crashes=crashes)
            return
        self._act(step.action, crashes=crashes)
        if not self._crashes(crashes, 0.08):
            self._record(before, step.job)

    def _crashes(self, crashes: bool, share: float) -> bool:
        return crashes and self.random.random() < share

    def _decide(self, job: Job, seen: Observation) -> lifecycle.Step:
        if not self.rules.newest_state_is_passed_on:
            job = replace(job, newest_state=None)
        if isinstance(seen, Refusal) and not self.rules.refusal_waits_for_earlier_attempts and job.run:
            job = replace(job, run=replace(job.run, attempts=1))
        if not self.rules.wait_out_the_window and job.run and job.goal in (Goal.STOP, Goal.DELETE):
            job = replace(job, run=replace(job.run, attempts=0))
        step = lifecycle.decide(job, seen, self.cluster.now, self.new_id)
        retried = isinstance(step.action, Submit) and step.job.run is not None and step.job.run.attempts > 1
        if retried and not self.rules.same_id_on_retry:
            job = replace(step.job, run=step.job.run and replace(step.job.run, id=self.new_id()))
            step = lifecycle.Step(job, Submit(job))
        return step

    def _record(self, before: Job, after: Job) -> bool:
        if after == before:
            return True
        if self.rules.writes_name_their_version and self.row.version != before.version:
            return False
        if after.run and _run_id(after) != _run_id(before):
            self.recorded.add(after.run.id)
            self._check_resume(after)
        self._check_stop(before, after)
        self.row = replace(after, version=self.row.version + 1, written_at=self.cluster.now)
        return True

    def _act(self, action: Action | None, *, crashes: bool) -> None:
        if action is None:
            return
        try:
            self.cluster.perform(action)
        except Lost:
            return
        except Refused as refused:
            if crashes and self.random.random() < 0.08:
                return
            assert isinstance(action, Submit)
            assert action.job.run is not None
            row = self.row
            self._record(row, self._decide(row, Refusal(action.job.run.id, refused.reason)).job)

    def _cancel_superseded(self) -> None:
        if self.rules.superseded_runs_are_cancelled and not self.cluster.away:
            for run_id, job in self.cluster.jobs.items():
                if job.alive and run_id in self.recorded and run_id != _run_id(self.row):
                    self.cluster.perform(Cancel(run_id))

    def _user(self) -> None:
        """Make one call at random; most are refused for the job's status, as they should be."""
        now, row = self.cluster.now, self.row
        request = SavepointRequest(self.new_id(), "obs://penstock/sp/", now)
        try:
            match self.random.randint(0, 12):
                case 0 | 1 | 2 | 3:
                    row = calls.request_run(row, resume=self.random.random() < 0.7, now=now)
                case 4 | 10 | 11 | 12:
                    row = calls.request_stop(row, savepoint=None, now=now)
                case 5 | 6:
                    row = calls.request_stop(row, savepoint=request, now=now)
                case 7 | 8:
                    row = calls.request_savepoint(row, request)
                case 9 if self.random.random() < 0.1:
                    row = calls.request_delete(row, now)
        except NotAllowed:
            return
        if row.deleted_at is None or self.row.deleted_at is None:
            self.row = replace(row, version=self.row.version + 1, written_at=now)

    # --- what must hold ---

    def _check_now(self) -> None:
        alive = {run_id for run_id, job in self.cluster.jobs.items() if job.alive and not job.landed_late}
        alive -= {run_id for run_id in alive if self.cluster.jobs[run_id].state == "CANCELLING"}
        if len(alive) > 1:
            self.wrong.append("two live Flink jobs")
        if alive and (alive - {_run_id(self.row)} or self.row.goal is Goal.REST):
            self.wrong.append("a live Flink job that the row does not know")

    def _check_resume(self, after: Job) -> None:
        """A restart resumes from the newest state that Flink has written in this life and reported before."""
        assert after.run is not None
        if after.restart_count and after.run.attempts == 0:
            known = self.row.newest_state or self.row.restore_point
            if known and after.run.resume_from is None:
                self.wrong.append("a restart from nothing although there was state")
            elif known and after.run.resume_from != known and (after.run.resume_from or "")[3:] < known[3:]:
                self.wrong.append("a restart from stale state")

    def _check_stop(self, before: Job, after: Job) -> None:
        """A stop has failed only when the savepoint that it asked for has."""
        stopping = before.goal is Goal.STOP_WITH_SAVEPOINT and after.goal is Goal.WATCH
        if stopping and before.savepoint_request.trigger_id not in self.cluster.failed_triggers:
            self.wrong.append("a stop called failed whose savepoint was not")

    def _is_calm(self) -> bool:
        alive = {run_id for run_id, job in self.cluster.jobs.items() if job.alive}
        running = self.row.status is Status.RUNNING and alive == {_run_id(self.row)}
        return not self.cluster.on_the_way and (running or (self.row.goal is Goal.REST and not alive))

    def _check_end(self) -> None:
        alive = {run_id for run_id, job in self.cluster.jobs.items() if job.alive}
        if alive - {_run_id(self.row)}:
            self.wrong.append("an orphan is left")
        running = self.row.status in (Status.RUNNING, Status.CANCEL_FAILED) and bool(alive)
        at_rest = self.row.goal is Goal.REST and not alive
        if not (running or at_rest):
            self.wrong.append(f"not settled: {self.row.status} with {self.row.goal}, alive: {len(alive)}")


def _run_id(job: Job) -> str | None:
    return job.run.id if job.run else None


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    ends: Counter[Status] = Counter()
    bad = 0
    for seed in range(worlds):
        world = World(seed).play()
        ends[world.row.status] += 1
        if world.wrong:
            bad += 1
            print(f"seed {seed}: {sorted(set(world.wrong))}")
    print(f"{worlds} worlds, {bad} went wrong; they ended in", dict(ends.most_common()))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
