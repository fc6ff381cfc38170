"""What happened long ago is forgotten, in as many transactions as it takes."""

import uuid
from collections.abc import Callable

from sqlalchemy import func, select

from penstock.controller.pruner import Pruner
from penstock.domain.history import CONTROLLER, Event, Kind
from penstock.domain.job import Job, Status
from penstock.store import audit, events, idempotency, members, tokens
from penstock.store.audit import Entry
from penstock.store.database import Database
from penstock.store.events import EventFilter
from penstock.store.idempotency import Key
from penstock.store.schema import EVENTS, IDEMPOTENCY_KEYS, USERS
from tests.store.conftest import create

__all__ = ["create"]

DAY_MS = 24 * 3_600_000
NOW = 1000 * DAY_MS


def count(database: Database, job: Job) -> int:
    with database.read() as tx:
        return int(tx.execute(select(func.count()).where(EVENTS.c.job_id == job.id)).scalar_one())


def test_many_old_events_are_forgotten_and_what_is_told_since_stays(
    database: Database, create: Callable[..., Job]
) -> None:
    job = create(created_at=NOW - 90 * DAY_MS - 1)
    told = Event(Kind.REMARK, CONTROLLER, Status.INIT)
    with database.write() as tx:
        events.append(tx, job, [told] * 1700, NOW - 90 * DAY_MS - 1)
        events.append(tx, job, [told] * 3, NOW - 90 * DAY_MS)
    Pruner(database, 90, 180, lambda: NOW).make_round()
    with database.read() as tx:
        left = events.page(tx, EventFilter(job.project_id, job.id))
    assert [each.at for each in left] == [NOW - 90 * DAY_MS] * 3


def test_the_audit_log_is_kept_for_days_of_its_own(database: Database) -> None:
    project_id = uuid.uuid4().hex
    with database.write() as tx:
        for number in range(1200):
            at = NOW - 180 * DAY_MS - (number < 1100)
            audit.append(tx, Entry(at, project_id, "ann", "token", "::1", "run_jobs", "", 200, "", "r"))
    Pruner(database, 90, 180, lambda: NOW).make_round()
    left = list(audit.everything(database, project_id))
    assert [each.at for each in left] == [NOW - 180 * DAY_MS] * 100


def test_a_token_is_forgotten_a_week_after_its_end(database: Database) -> None:
    with database.write() as tx:
        user = members.create_user(tx, uuid.uuid4().hex)
        older, newer = (
            tokens.issue(tx, user_id=user.id, project_id=None, method="password", now=NOW - 8 * DAY_MS - more)
            for more in (1, 0)
        )
    Pruner(database, 90, 180, lambda: NOW).make_round()
    with database.read() as tx:
        assert tokens.find(tx, older) is None
        assert tokens.find(tx, newer) is not None


def test_the_keys_of_calls_are_forgotten_after_a_day(database: Database, create: Callable[..., Job]) -> None:
    job = create()
    with database.write() as tx:
        tx.execute(USERS.insert().values(id=job.project_id, name=job.project_id))
        for number in (0, 1):
            key = Key(job.project_id, job.project_id, f"k-{number}")
            idempotency.take(tx, key, "request", NOW - DAY_MS + number)
    Pruner(database, 90, 180, lambda: NOW).make_round()
    with database.read() as tx:
        of_project = select(IDEMPOTENCY_KEYS.c.key).where(IDEMPOTENCY_KEYS.c.project_id == job.project_id)
        assert tx.execute(of_project).scalars().all() == ["k-1"]


def test_nothing_is_forgotten_once_the_service_is_ending(database: Database, create: Callable[..., Job]) -> None:
    job = create(created_at=1)
    pruner = Pruner(database, 90, 180, lambda: NOW)
    pruner.rounds.start()
    pruner.rounds.stop()
    pruner.make_round()
    assert count(database, job) == 1
