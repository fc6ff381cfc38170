"""Jobs and looks at them, to be varied with `dataclasses.replace` or by keyword."""

from dataclasses import replace
from typing import Any

from penstock.domain import lifecycle
from penstock.domain.engine import Absent, Alive, Ended, Ending, Gone, Observation, Submit
from penstock.domain.job import Goal, Job, JobConfig, JobType, Run, SavepointRequest, Status

NOW = 10_000_000_000
STARTED, ENDED = NOW - 500_000, NOW - 1_000
"""What Flink says of the times of a run."""
SENT = {"attempts": 1, "cluster": "unit-1", "checkpoints": "obs://penstock/jobs/checkpoint/1/new/"}
"""What is stored of a new run before it is first sent."""
REQUEST = SavepointRequest("trigger", "obs://penstock/sp/", NOW - 2_000)


def job(**fields: Any) -> Job:
    blank = Job(1, "project", "user", "maria", JobType.SQL, "clicks", "default", created_at=0, updated_at=0)
    return replace(blank, **fields)


def with_run(job: Job, **fields: Any) -> Job:
    assert job.run is not None
    return replace(job, run=replace(job.run, **fields))


def flags(**fields: Any) -> JobConfig:
    return JobConfig(restart_on_failure=True, restart_from_checkpoint=True, **fields)


SUBMITTED = job(
    goal=Goal.RUN,
    status=Status.SUBMITTING,
    requested_at=NOW - 3_000,
    run=Run("run", NOW - 3_000, attempts=1, sent_at=NOW - 3_000),
)
"""Sent once; no look has shown it."""
STARTING = with_run(SUBMITTED, seen=True)
RUNNING = job(
    goal=Goal.RUN,
    status=Status.RUNNING,
    requested_at=STARTED - 1_000,
    started_at=STARTED,
    run=Run("run", STARTED - 1_000, attempts=1, seen=True, ran=True),
)
RESTARTABLE = replace(RUNNING, config=flags(), newest_state="obs://b/chk-7/")


def absent(*, since: int = 0, at: int = NOW, **fields: Any) -> Absent:
    return Absent(at, since, "unit-1", **fields)


def gone(*, planned: bool = False, **fields: Any) -> Gone:
    return Gone(NOW, "its cluster is gone", planned, **fields)


def alive(*, all_running: bool = True, since: int = 0, at: int = NOW, **fields: Any) -> Alive:
    return Alive(sent_at=at, answering_since=since, started_at=STARTED, all_running=all_running, **fields)


def ended(how: Ending, *, ran: bool = True, at: int = NOW, **fields: Any) -> Ended:
    return Ended(sent_at=at, how=how, started_at=STARTED, ended_at=ENDED, ran=ran, **fields)


def decide(job: Job, seen: Observation, now: int = NOW) -> lifecycle.Step:
    return lifecycle.decide(job, seen, now, lambda: "new")


def asked(job: Job) -> Job:
    """The job once Flink was asked for its savepoint."""
    assert job.savepoint_request is not None
    return replace(job, savepoint_request=replace(job.savepoint_request, sent=True))


def at_rest(
    job: Job, status: Status, reason: str = "", ended_at: int | None = ENDED, **fields: Any
) -> lifecycle.Step:
    """What a job becomes when its life is over; a life that never began has no end either."""
    ended_at = ended_at if job.started_at is not None else None
    rest = replace(job, goal=Goal.REST, status=status, reason=reason, run=None, savepoint_request=None)
    return lifecycle.Step(replace(rest, ended_at=ended_at, **fields))


def submit(job: Job) -> lifecycle.Step:
    return lifecycle.Step(job, Submit(job))
