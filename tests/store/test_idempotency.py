import threading
import uuid
from contextlib import suppress

import pytest

from penstock.store import idempotency
from penstock.store.database import Database, Joined
from penstock.store.idempotency import KEPT_MS, Kept, Key
from penstock.store.schema import PROJECTS, USERS

NOW = 1_000 * KEPT_MS


@pytest.fixture
def key(database: Database) -> Key:
    project, user = uuid.uuid4().hex, uuid.uuid4().hex
    with database.write() as tx:
        tx.execute(PROJECTS.insert().values(id=project, name=project))
        tx.execute(USERS.insert().values(id=user, name=user))
    return Key(project, user, "mine")


def taken(database: Database, key: Key, now: int, request: str = "a") -> Kept | None:
    with database.write() as tx:
        kept = idempotency.take(tx, key, request, now)
        if kept is None:
            idempotency.keep(tx, key, 200, b"done")
        return kept


def test_a_key_gives_what_it_was_taken_for_until_a_day_has_passed(database: Database, key: Key) -> None:
    assert taken(database, key, NOW) is None
    assert taken(database, key, NOW + KEPT_MS - 1, "b") == Kept("a", 200, b"done")
    assert taken(database, key, NOW + KEPT_MS, "b") is None
    assert taken(database, key, NOW + KEPT_MS) == Kept("b", 200, b"done")


def test_a_key_that_was_given_back_can_be_taken(database: Database, key: Key) -> None:
    with database.write() as tx:
        idempotency.take(tx, key, "a", NOW)
        idempotency.give_back(tx, key)
    assert taken(database, key, NOW, "b") is None


def test_keys_that_are_a_day_old_are_forgotten(database: Database, key: Key) -> None:
    taken(database, key, NOW)
    for now, is_there in ((NOW + KEPT_MS - 1, True), (NOW + KEPT_MS, False)):
        with database.write() as tx:
            idempotency.prune(tx, now)
        with database.write() as tx:
            assert (idempotency.take(tx, key, "b", NOW) is not None) is is_there


def test_who_takes_a_key_at_the_same_time_waits_for_the_first(database: Database, key: Key) -> None:
    found: list[Kept | None] = []
    with database.write() as tx:
        idempotency.take(tx, key, "a", NOW)
        second = threading.Thread(target=lambda: found.append(taken(database, key, NOW)))
        second.start()
        idempotency.keep(tx, key, 200, b"of the first")
        assert not found
    second.join()
    assert found == [Kept("a", 200, b"of the first")]


def test_a_part_of_a_transaction_is_undone_alone(database: Database) -> None:
    kept, undone = uuid.uuid4().hex, uuid.uuid4().hex
    with database.write() as tx:
        parts = Joined(tx)
        with parts.write() as part:
            part.execute(PROJECTS.insert().values(id=kept, name=kept))
        with suppress(ZeroDivisionError), parts.write() as part:
            part.execute(PROJECTS.insert().values(id=undone, name=undone))
            raise ZeroDivisionError
    with database.read() as tx:
        names = set(tx.execute(PROJECTS.select().with_only_columns(PROJECTS.c.name)).scalars())
    assert kept in names
    assert undone not in names
