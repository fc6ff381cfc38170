"""What only PostgreSQL does: other processes open it too, its server restarts, its operator sets defaults."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from penstock.store import database as opening
from penstock.store.database import Database, DatabaseUnusable
from tests import postgres


def test_several_processes_can_open_a_new_one_at_once(postgres_url: str) -> None:
    """All of them wait for a table that is made and then is not, so that none comes late."""
    program = f"from penstock.store import database; database.open_database({postgres_url!r}).close()"
    database = Database(postgres_url)
    with database.write() as tx:
        tx.execute(text("CREATE TABLE alembic_version (version_num text)"))
        processes = [
            subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(3)
        ]
        deadline = time.monotonic() + 60
        while waiting(database) < 3:
            assert time.monotonic() < deadline, "not all came to the lock"
            time.sleep(0.05)
        tx.rollback()
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3
    database.close()


def test_a_server_that_restarts_costs_no_error(postgres_url: str) -> None:
    database = opening.open_database(postgres_url)
    postgres.server().restart()
    with database.read() as tx:
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == opening.SCHEMA_REVISION
    database.close()


def test_readers_see_one_moment_and_writers_the_newest_whatever_the_operator_sets(postgres_url: str) -> None:
    set_by_operator(postgres_url, "default_transaction_isolation", "serializable")
    database = opening.open_database(postgres_url)
    with database.read() as reader, database.write() as writer:
        levels = [tx.execute(text("SHOW transaction_isolation")).scalar() for tx in (reader, writer)]
    assert levels == ["repeatable read", "read committed"]
    database.close()


def test_a_database_that_can_only_be_read_is_unusable(postgres_url: str) -> None:
    opening.open_database(postgres_url).close()
    set_by_operator(postgres_url, "default_transaction_read_only", "on")
    with pytest.raises(DatabaseUnusable, match=r"cannot use the database: .* in a read-only transaction"):
        opening.open_database(postgres_url)


def test_a_server_that_is_not_there_makes_it_unusable(postgres_url: str, tmp_path: Path) -> None:
    nowhere = sqlalchemy.make_url(postgres_url).update_query_dict({"host": str(tmp_path)})
    with pytest.raises(DatabaseUnusable, match="cannot use the database: connection"):
        opening.open_database(nowhere.render_as_string(hide_password=False))


def set_by_operator(url: str, setting: str, value: str) -> None:
    name = sqlalchemy.make_url(url).database
    database = Database(url)
    with database.write() as tx:
        tx.execute(text(f"ALTER DATABASE {name} SET {setting} = '{value}'"))
    database.close()


def waiting(database: Database) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.read() as tx:
        return tx.execute(text(query)).scalar_one()
