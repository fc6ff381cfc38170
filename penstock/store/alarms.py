"""The alarms on their way: each is stored with the change that it tells of, and stays until it is sent.

A sender claims one by moving the time at which it is due; if it dies, the alarm is due again at that time.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, insert, select, update

from penstock.domain import alarm
from penstock.domain.job import Job
from penstock.store import database
from penstock.store.schema import ALARMS, PROJECTS


@dataclass(frozen=True)
class Claim:
    """An alarm that only the claimant sends, until `due_at`."""

    id: int
    job_id: int
    topic: str
    title: str
    body: str
    created_at: int
    attempts: int
    """With the one that it was claimed for."""
    due_at: int


def note(tx: Connection, before: Job, after: Job, at: int) -> None:
    """Store the alarm that a change of a job calls for, if any; it is due at once."""
    if not alarm.is_called_for(before, after, at):
        return
    project = tx.execute(select(PROJECTS.c.name).where(PROJECTS.c.id == after.project_id)).scalar_one()
    values = {
        "job_id": after.id,
        "topic": alarm.topic_of(after.config.alarm_topic or ""),
        "title": alarm.title(after),
        "body": alarm.body(after, project, at),
        "created_at": at,
        "attempts": 0,
        "due_at": at,
    }
    tx.execute(insert(ALARMS).values(values))


def any_due(tx: Connection, now: int) -> bool:
    return bool(tx.execute(select(exists().where(ALARMS.c.due_at <= now))).scalar())


def claim(tx: Connection, now: int, until: int) -> Claim | None:
    """Claim one that is due, the least tried first; two transactions never claim the same."""
    first = (
        select(ALARMS.c.id).where(ALARMS.c.due_at <= now).order_by(ALARMS.c.attempts, ALARMS.c.due_at, ALARMS.c.id)
    )
    one = first.limit(1).with_for_update(skip_locked=True).scalar_subquery()
    claimed = update(ALARMS).where(ALARMS.c.id == one).values(due_at=until, attempts=ALARMS.c.attempts + 1)
    columns = [ALARMS.c[name] for name in Claim.__dataclass_fields__]
    row = tx.execute(claimed.returning(*columns)).mappings().first()
    return None if row is None else Claim(**row)


def mark_sent(tx: Connection, claimed: Claim, now: int) -> None:
    tx.execute(update(ALARMS).where(ALARMS.c.id == claimed.id).values(due_at=None, sent_at=now, failure=None))


def mark_failed(tx: Connection, claimed: Claim, failure: str, due_at: int | None) -> None:
    """Note why an attempt has failed, and when the next is due (None: never), unless the claim has run out."""
    its_own = (ALARMS.c.id == claimed.id, ALARMS.c.due_at == claimed.due_at)
    tx.execute(update(ALARMS).where(*its_own).values(due_at=due_at, failure=failure))


def hold_back(tx: Connection, topic: str, now: int, until: int) -> None:
    """Let what is due for a topic wait, so that a target that is away is not waited for once an alarm."""
    tx.execute(update(ALARMS).where(ALARMS.c.topic == topic, ALARMS.c.due_at <= now).values(due_at=until))


def prune(tx: Connection, before: int, after_id: int, limit: int) -> int | None:
    """Forget those of the next alarms, by id, that are older and done with; as `events.prune`."""
    old, following = database.older(tx, ALARMS.c.created_at, before, after_id, limit)
    tx.execute(ALARMS.delete().where(ALARMS.c.id.in_(old), ALARMS.c.due_at.is_(None)))
    return following
