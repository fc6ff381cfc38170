"""What is told of each step of a job's life."""

from dataclasses import replace

import pytest

from penstock.domain import calls, history
from penstock.domain.engine import (
    Ending,
    Full,
    Gone,
    Observation,
    Refusal,
    SavepointFailed,
    SavepointWritten,
    Unanswered,
    Unreachable,
)
from penstock.domain.history import CONTROLLER, FLINK, Actor, Event, Kind, Who
from penstock.domain.job import Goal, Job, JobConfig, Run, Savepoint, SavepointOrigin, Status
from tests.domain import cases
from tests.domain.cases import ENDED, NOW, REQUEST, RESTARTABLE, RUNNING, STARTED, SUBMITTED

MARIA = Actor(Who.CALLER, "maria")
INIT = cases.job()
WAITING = calls.request_run(INIT, resume=False, now=NOW - 10)
SAVEPOINTING = cases.asked(calls.request_savepoint(RUNNING, REQUEST))
STOPPING = cases.asked(calls.request_stop(RUNNING, savepoint=REQUEST, now=NOW - 2_000))
MOVING = calls.request_move(RUNNING, REQUEST)
WITH_STATE = replace(INIT, savepoint=Savepoint("obs://b/sp/", SavepointOrigin.REQUEST))
CANCELED = cases.ended(Ending.CANCELED)


def asked(before: Job, after: Job) -> tuple[Event, ...]:
    return history.events_of(before, after, MARIA)


def seen(before: Job, sighting: Observation, by: Actor = FLINK) -> tuple[Event, ...]:
    return history.events_of(before, cases.decide(before, sighting).job, by)


def kinds(events: tuple[Event, ...]) -> list[Kind]:
    return [event.kind for event in events]


def test_a_new_job_is_told_of() -> None:
    assert history.events_of(None, INIT, MARIA) == (Event(Kind.CREATED, MARIA, Status.INIT),)


def test_a_job_whose_version_another_line_serves_is_told_so_once_a_life() -> None:
    waiting = replace(WAITING, config=JobConfig(flink_version="1.15"))
    submitted = cases.decide(waiting, cases.absent()).job
    told = history.events_of(waiting, submitted, CONTROLLER)
    assert kinds(told) == [Kind.SUBMITTED, Kind.REMARK]
    assert told[1].reason == "runs on Flink 1.20, which serves 1.15"
    assert submitted.run is not None
    again = replace(submitted, run=replace(submitted.run, id="next"))
    assert kinds(history.events_of(submitted, again, CONTROLLER)) == [Kind.SUBMITTED, Kind.RESTARTED]
    named = replace(WAITING, config=JobConfig(flink_version="1.20"))
    assert kinds(history.events_of(named, cases.decide(named, cases.absent()).job, CONTROLLER)) == [Kind.SUBMITTED]


@pytest.mark.parametrize(
    ("before", "after", "kind", "details"),
    [
        (
            INIT,
            replace(INIT, sql="SELECT 'secret'", config=JobConfig(parallelism=2), updated_at=NOW),
            Kind.UPDATED,
            {"settings": ["parallelism", "sql"]},
        ),
        (INIT, calls.request_run(INIT, resume=True, now=NOW), Kind.RUN_REQUESTED, {}),
        (
            WITH_STATE,
            calls.request_run(WITH_STATE, resume=True, now=NOW),
            Kind.RUN_REQUESTED,
            {"resume_from": "obs://b/sp/"},
        ),
        (RUNNING, calls.request_stop(RUNNING, savepoint=None, now=NOW), Kind.STOP_REQUESTED, {}),
        (
            RUNNING,
            calls.request_stop(RUNNING, savepoint=REQUEST, now=NOW),
            Kind.STOP_REQUESTED,
            {"savepoint": REQUEST.target},
        ),
        (
            RUNNING,
            calls.request_savepoint(RUNNING, REQUEST),
            Kind.SAVEPOINT_REQUESTED,
            {"target": REQUEST.target},
        ),
        (INIT, calls.request_import(INIT, "obs://b/old/"), Kind.SAVEPOINT_IMPORTED, {"path": "obs://b/old/"}),
        (RUNNING, calls.request_delete(RUNNING, NOW), Kind.DELETE_REQUESTED, {}),
        (WAITING, calls.request_delete(WAITING, NOW), Kind.DELETE_REQUESTED, {}),
    ],
)
def test_a_call_is_told_of_with_its_caller_and_no_more_than_that(
    before: Job, after: Job, kind: Kind, details: dict[str, object]
) -> None:
    run_id = after.run.id if after.run else None
    assert asked(before, after) == (Event(kind, MARIA, after.status, run_id, "", details),)


@pytest.mark.parametrize(
    ("before", "sighting", "told"),
    [
        (WAITING, Full(NOW, "no slot is free"), [Kind.WAITING]),
        (replace(WAITING, reason="no CU is free"), Full(NOW, "no slot is free"), []),
        (WAITING, cases.absent(), [Kind.SUBMITTED]),
        (SUBMITTED, cases.absent(), [Kind.RETRIED]),
        (SUBMITTED, Unanswered("run", "timed out"), [Kind.UNANSWERED]),
        (cases.with_run(SUBMITTED, attempts=2), Refusal("run", "no such table"), [Kind.REFUSED]),
        (SUBMITTED, Refusal("run", "no such table"), [Kind.ENDED]),
        (SUBMITTED, cases.alive(all_running=False), []),
        (SUBMITTED, cases.alive(), [Kind.RUNNING]),
        (replace(RUNNING, status=Status.SUBMITTING), cases.alive(), [Kind.RUNNING]),  # adopted while it started
        (SUBMITTED, cases.alive(all_running=False, cause="no"), [Kind.GIVEN_UP]),
        (RUNNING, cases.alive(), []),
        (RUNNING, cases.alive(all_running=False, cause="/ by zero"), [Kind.FAILING]),
        (RUNNING, cases.alive(all_running=False, cause="/ by zero", restarts=2), [Kind.RESTARTED_BY_FLINK]),
        (cases.with_run(RUNNING, troubled=True), cases.alive(), [Kind.RUNNING]),
        (RUNNING, cases.alive(all_running=False, cancelling=True), [Kind.STATUS]),
        (RUNNING, cases.absent(), [Kind.MISSING]),
        (RUNNING, CANCELED, [Kind.ENDED]),
        (RESTARTABLE, cases.ended(Ending.FAILED), [Kind.RESTARTED]),
        (RESTARTABLE, cases.gone(), [Kind.RESTARTED]),
        (RUNNING, Unreachable("no route", NOW - 60_000), [Kind.UNREACHABLE]),
        (RUNNING, Unreachable("no route", NOW - 1), []),
        (replace(RUNNING, unreachable_since=NOW - 60_000), cases.alive(), [Kind.REACHABLE]),
        (SAVEPOINTING, cases.alive(savepoint=SavepointWritten("obs://b/sp/1/")), [Kind.SAVEPOINT_WRITTEN]),
        (SAVEPOINTING, cases.alive(savepoint=SavepointFailed("disk full")), [Kind.SAVEPOINT_FAILED]),
        (SAVEPOINTING, CANCELED, [Kind.ENDED]),
        (STOPPING, cases.alive(savepoint=SavepointFailed("disk full")), [Kind.SAVEPOINT_FAILED]),
        (
            STOPPING,
            cases.ended(Ending.FINISHED, savepoint=SavepointWritten("obs://b/sp/1/")),
            [Kind.SAVEPOINT_WRITTEN, Kind.ENDED],
        ),
        (MOVING, cases.alive(savepoint=SavepointFailed("disk full")), []),
        (
            MOVING,
            cases.ended(Ending.FINISHED, savepoint=SavepointWritten("obs://b/sp/1/")),
            [Kind.RESTARTED],
        ),
        (replace(RUNNING, goal=Goal.STOP, status=Status.CANCELING), CANCELED, [Kind.ENDED]),
    ],
)
def test_each_thing_that_happens_is_told_once(before: Job, sighting: Observation, told: list[Kind]) -> None:
    assert kinds(seen(before, sighting)) == told


def test_a_move_is_told_of() -> None:
    told = history.events_of(RUNNING, MOVING, CONTROLLER)
    assert told == (Event(Kind.MOVE_STARTED, CONTROLLER, Status.RUNNING, "run", "", {"target": REQUEST.target}),)


def test_a_submission_is_told_with_attempt_cluster_and_state() -> None:
    [told] = seen(calls.request_run(WITH_STATE, resume=True, now=NOW - 10), cases.absent(), CONTROLLER)
    assert (told.run_id, told.actor) == ("new", CONTROLLER)
    assert told.details == {"attempt": 1, "cluster": "unit-1", "resume_from": "obs://b/sp/"}


def test_a_retry_is_told_with_why_nobody_knows_of_the_last_attempt() -> None:
    [told] = seen(cases.with_run(SUBMITTED, unanswered="timed out"), cases.absent())
    assert (told.kind, told.reason, told.details["attempt"]) == (Kind.RETRIED, "timed out", 2)


def test_an_end_is_explained() -> None:
    before = cases.with_run(RUNNING, resume_from="obs://b/chk-3/", cluster="unit-1", attempts=2)
    failed = cases.ended(Ending.FAILED, cause="/ by zero", checkpoint="obs://b/chk-9/", restarts=4)
    assert seen(before, failed) == (
        Event(
            Kind.ENDED,
            FLINK,
            Status.EXCEPTION,
            "run",
            "/ by zero",
            {
                "attempt": 2,
                "cluster": "unit-1",
                "restored_from": "obs://b/chk-3/",
                "started_at": STARTED,
                "ended_at": ENDED,
                "duration": ENDED - STARTED,
                "newest_state": "obs://b/chk-9/",
                "restarts": 4,
            },
        ),
    )


@pytest.mark.parametrize(
    ("sighting", "counted"),
    [
        (cases.ended(Ending.FAILED, cause="/ by zero"), True),
        (Gone(NOW, "its cluster has died"), True),
        (Gone(NOW, "its cluster was ended", planned=True), False),
    ],
)
def test_a_restart_is_the_controllers_and_tells_whether_it_counts(sighting: Observation, counted: bool) -> None:
    [told] = seen(RESTARTABLE, sighting)
    assert (told.actor, told.status, told.run_id) == (CONTROLLER, Status.RUNNING, "run")
    assert told.reason in ("/ by zero", "its cluster has died", "its cluster was ended")
    assert told.details["counted"] is counted
    assert (told.details["resume_from"], told.details["next_run_id"]) == ("obs://b/chk-7/", "new")


def test_an_adoption_is_told_as_such() -> None:
    run = Run("stray", NOW, cluster="unit-1", attempts=1, seen=True, ran=True)
    after = replace(calls.request_run(INIT, resume=False, now=NOW), status=Status.RUNNING, run=run)
    told = asked(INIT, after)
    assert told == (Event(Kind.ADOPTED, MARIA, Status.RUNNING, "stray", "", {"cluster": "unit-1"}),)


def test_what_does_not_concern_the_user_is_not_told() -> None:
    assert asked(RUNNING, replace(RUNNING, version=8, written_at=NOW, newest_state="obs://b/chk-8/")) == ()


def test_a_remark_is_told_of_the_present_run() -> None:
    told = history.remark(RUNNING, "log_enabled has no effect")
    assert told == Event(Kind.REMARK, CONTROLLER, Status.RUNNING, "run", "log_enabled has no effect")
