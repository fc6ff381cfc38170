"""The history: what is appended comes back in its order, page by page, and outlives its job."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from penstock.domain import calls, history
from penstock.domain.errors import JobNotFound
from penstock.domain.history import CONTROLLER, EXITS, Actor, Event, Kind, Told, Who
from penstock.domain.job import Job, Status
from penstock.store import events, jobs
from penstock.store.database import Database
from penstock.store.events import EventFilter
from tests.store.conftest import make_project

MARIA = Actor(Who.CALLER, "maria")
EVENTS = [
    Event(Kind.RUNNING, CONTROLLER, Status.RUNNING, "a" * 32),
    Event(Kind.RESTARTED, CONTROLLER, Status.RUNNING, "a" * 32, "½ / by zero", {"attempt": 2, "counted": True}),
    Event(Kind.STOP_REQUESTED, MARIA, Status.CANCELING, "b" * 32),
    Event(Kind.ENDED, history.FLINK, Status.CANCELLED, "b" * 32, "", {"newest_state": "obs://b/chk-7/"}),
]


@pytest.fixture
def job(create: Callable[..., Job], database: Database) -> Job:
    """A job with five events: its creation, and these."""
    job = create()
    with database.write() as tx:
        events.append(tx, job, EVENTS, at=7)
    return job


def read(database: Database, job: Job, **wanted: object) -> list[Told]:
    with database.read() as tx:
        return events.page(tx, replace(EventFilter(job.project_id), **wanted))


def kinds(told: list[Told]) -> list[Kind]:
    return [each.event.kind for each in told]


def test_what_is_appended_comes_back_in_its_order(database: Database, job: Job) -> None:
    told = read(database, job, job_id=job.id)
    assert [each.event for each in told[1:]] == EVENTS
    assert {(each.at, each.job_id) for each in told[1:]} == {(7, job.id)}
    assert [each.id for each in told] == sorted({each.id for each in told})


def test_pages_follow_each_other_by_id(database: Database, job: Job) -> None:
    first = read(database, job, after=0, limit=2)
    second = read(database, job, after=first[-1].id, limit=10)
    assert kinds(first + second) == [Kind.CREATED, *(each.kind for each in EVENTS)]
    assert read(database, job, after=second[-1].id) == []


def test_without_a_place_to_begin_the_newest_are_given_newest_last(database: Database, job: Job) -> None:
    assert kinds(read(database, job, limit=2)) == [Kind.STOP_REQUESTED, Kind.ENDED]


def test_events_are_chosen_by_kind_and_by_job(database: Database, job: Job, create: Callable[..., Job]) -> None:
    other = create()
    assert kinds(read(database, job, kinds=EXITS)) == [Kind.RESTARTED, Kind.ENDED]
    assert kinds(read(database, job, job_id=other.id)) == [Kind.CREATED]
    assert [each.job_id for each in read(database, job, kinds=[Kind.CREATED])] == [job.id, other.id]


def test_events_of_other_projects_are_not_seen(database: Database, job: Job) -> None:
    other = make_project(database)
    with database.read() as tx:
        assert events.page(tx, EventFilter(other)) == []
        assert events.page(tx, EventFilter(other, job.id)) == []


def test_a_deleted_job_keeps_its_history_and_one_that_never_was_has_none(database: Database, job: Job) -> None:
    with database.write() as tx:
        jobs.record(tx, job, calls.request_delete(job, 9), 9, MARIA)
    with database.read() as tx:
        events.check_job(tx, job.project_id, job.id)
        with pytest.raises(JobNotFound):
            events.check_job(tx, job.project_id, job.id + 1000)
        with pytest.raises(JobNotFound):
            events.check_job(tx, "another project", job.id)
    assert kinds(read(database, job, job_id=job.id))[-1] is Kind.DELETE_REQUESTED


def test_a_write_that_came_too_late_tells_nothing(database: Database, job: Job) -> None:
    with database.write() as tx:
        assert jobs.record(tx, replace(job, version=job.version + 1), replace(job, name="x"), 9, MARIA) is None
    assert kinds(read(database, job))[-1] is Kind.ENDED


# --- what is forgotten ---


def prune(database: Database, job: Job, before: int, limit: int = 100) -> int | None:
    """Begin at the first event of the job."""
    first = read(database, job, after=0, limit=1)[0]
    with database.write() as tx:
        return events.prune(tx, before, first.id - 1, limit)


def test_what_is_old_is_forgotten_but_how_the_last_run_of_a_job_has_ended(database: Database, job: Job) -> None:
    with database.write() as tx:
        events.append(tx, job, [EVENTS[0]], at=9)
    assert prune(database, job, before=7) is None
    assert kinds(read(database, job)) == [*(each.kind for each in EVENTS), Kind.RUNNING]
    assert prune(database, job, before=9) is None
    assert kinds(read(database, job)) == [Kind.ENDED, Kind.RUNNING]


def test_of_a_deleted_job_nothing_old_is_kept(database: Database, job: Job) -> None:
    with database.write() as tx:
        assert jobs.record(tx, job, calls.request_delete(job, now=9), at=9, by=MARIA)
    prune(database, job, before=9)
    assert kinds(read(database, job)) == [Kind.DELETE_REQUESTED]


def test_old_events_are_gone_through_in_parts(database: Database, job: Job) -> None:
    told = read(database, job)
    assert prune(database, job, before=9, limit=2) == told[1].id
    assert kinds(read(database, job)) == [each.kind for each in EVENTS[1:]]
