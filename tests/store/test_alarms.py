"""The outbox: an alarm is stored with its change or not at all, and belongs to one sender at a time."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import RowMapping, delete, select

from penstock.domain.history import CONTROLLER
from penstock.domain.job import Job, JobConfig, Status
from penstock.store import alarms, jobs
from penstock.store.alarms import Claim
from penstock.store.database import Database
from penstock.store.schema import ALARMS

NOW, UNTIL = 1_000, 2_000
Fail = Callable[..., Job]


@pytest.fixture(autouse=True)
def _none_before(database: Database) -> None:
    with database.write() as tx:
        tx.execute(delete(ALARMS))


@pytest.fixture
def fail(database: Database, create: Callable[..., Job]) -> Fail:
    """Let a new job fail, whose topic this is."""

    def fail(topic: str | None = "oncall", at: int = NOW) -> Job:
        job = create(status=Status.RUNNING, config=JobConfig(alarm_topic=topic))
        with database.write() as tx:
            failed = jobs.record(tx, job, replace(job, status=Status.EXCEPTION, reason="broke"), at, CONTROLLER)
        assert failed
        return failed

    return fail


def stored(database: Database) -> list[RowMapping]:
    with database.read() as tx:
        return list(tx.execute(select(ALARMS).order_by(ALARMS.c.id)).mappings())


def claim(database: Database, now: int = NOW, until: int = UNTIL) -> Claim | None:
    with database.write() as tx:
        return alarms.claim(tx, now, until)


def claimed(database: Database, now: int = NOW, until: int = UNTIL) -> Claim:
    found = claim(database, now, until)
    assert found
    return found


def test_a_change_that_calls_for_an_alarm_stores_one(database: Database, project: str, fail: Fail) -> None:
    job = fail("urn:smn:region:project:oncall")
    (row,) = stored(database)
    assert (row["job_id"], row["topic"], row["created_at"], row["due_at"]) == (job.id, "oncall", NOW, NOW)
    assert row["title"] == f"Penstock job {job.id} ({job.name}): job_running_exception"
    assert f"project: {project} ({project})" in row["body"]
    assert "reason: broke" in row["body"]


def test_a_job_without_a_topic_stores_none(database: Database, fail: Fail) -> None:
    fail(None)
    assert stored(database) == []


@pytest.mark.parametrize("topic", ["x" * 512, "a\x00b", "½"])
def test_no_name_of_a_topic_keeps_a_job_from_being_recorded(database: Database, fail: Fail, topic: str) -> None:
    fail(topic)
    assert len(stored(database)) == 1


def test_a_write_that_came_too_late_or_was_undone_stores_none(
    database: Database, create: Callable[..., Job]
) -> None:
    job = create(status=Status.RUNNING, config=JobConfig(alarm_topic="oncall"))
    failed = replace(job, status=Status.EXCEPTION)
    with database.write() as tx:
        assert jobs.record(tx, replace(job, version=job.version + 1), failed, NOW, CONTROLLER) is None
    with contextlib.suppress(ZeroDivisionError), database.write() as tx:
        assert jobs.record(tx, job, failed, NOW, CONTROLLER)
        raise ZeroDivisionError
    assert stored(database) == []


def test_an_alarm_is_claimed_once_until_the_claim_runs_out(database: Database, fail: Fail) -> None:
    job = fail()
    first = claimed(database)
    assert (first.job_id, first.attempts, first.due_at) == (job.id, 1, UNTIL)
    assert claim(database, UNTIL - 1) is None
    again = claimed(database, UNTIL, UNTIL + 1_000)
    assert (again.id, again.attempts) == (first.id, 2)


def test_the_least_tried_is_claimed_first_and_none_that_is_not_due(database: Database, fail: Fail) -> None:
    tried = fail()
    claimed(database, until=NOW + 1)
    fresh, _later = fail(at=NOW + 5), fail(at=UNTIL + 1)
    assert [claimed(database, UNTIL, UNTIL + 9).job_id for _ in range(2)] == [fresh.id, tried.id]
    assert claim(database, UNTIL) is None


def test_one_that_was_sent_is_never_due_again(database: Database, fail: Fail) -> None:
    fail()
    found = claimed(database)
    with database.write() as tx:
        alarms.mark_sent(tx, found, NOW + 5)
    (row,) = stored(database)
    assert (row["due_at"], row["sent_at"], row["failure"]) == (None, NOW + 5, None)
    with database.read() as tx:
        assert not alarms.any_due(tx, NOW * 1_000_000)


def test_a_failure_is_noted_by_the_claimant_alone(database: Database, fail: Fail) -> None:
    fail()
    stale, present = claimed(database), claimed(database, UNTIL, UNTIL + 1_000)
    with database.write() as tx:
        alarms.mark_failed(tx, stale, "too late", None)
    assert stored(database)[0]["failure"] is None
    with database.write() as tx:
        alarms.mark_failed(tx, present, "refused", 9_000)
    assert (stored(database)[0]["failure"], stored(database)[0]["due_at"]) == ("refused", 9_000)


def test_what_is_due_for_one_topic_is_held_back_alone(database: Database, fail: Fail) -> None:
    held, free = fail("away"), fail("near")
    with database.write() as tx:
        alarms.hold_back(tx, "away", NOW, NOW + 500)
    assert claimed(database).job_id == free.id
    assert claim(database, NOW + 499) is None
    assert claimed(database, NOW + 500).job_id == held.id


def test_old_alarms_are_forgotten_once_they_were_sent_or_given_up(database: Database, fail: Fail) -> None:
    for _ in range(3):
        fail()
    sent, given_up = claimed(database), claimed(database)
    fail(at=NOW + 1)
    with database.write() as tx:
        alarms.mark_sent(tx, sent, NOW)
        alarms.mark_failed(tx, given_up, "no such host", None)
        assert alarms.prune(tx, NOW, 0, limit=10) is None
    pending, young = (row["id"] for row in stored(database) if row["id"] not in (sent.id, given_up.id))
    with database.write() as tx:
        assert alarms.prune(tx, NOW + 1, 0, limit=2) == given_up.id
        assert alarms.prune(tx, NOW + 1, given_up.id, limit=2) is None
    assert [row["id"] for row in stored(database)] == [pending, young]
