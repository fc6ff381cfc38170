"""Opening the database: transactions, durability, and bringing an older one up to date."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from sqlalchemy import Column, Connection, event, exc, select

log = logging.getLogger(__name__)

SCHEMA_REVISION = "0004"
"""The newest migration; a test holds it equal to the one in `migrations/`."""

_START_LOCK = int.from_bytes(b"penstock")
"""Any number that others who use the same PostgreSQL database do not lock."""


class DatabaseUnusable(Exception):
    """The database cannot be opened, read or brought up to date; the text is for the operator."""


class Database:
    """Transactions on one database. Rows and totals read in one transaction come from one snapshot."""

    def __init__(self, url: str) -> None:
        # An error's text shall not hold what users wrote.
        self._engine = sqlalchemy.create_engine(
            url, pool_size=16, max_overflow=16, pool_pre_ping=True, hide_parameters=True
        )
        self._turn: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if self._engine.dialect.name == "sqlite":
            # SQLite has one writer at a time and no queue: under load some would wait until they give up.
            self._turn = threading.Lock()
            event.listen(self._engine, "connect", _configure_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
            reading, writing = {"begin": "BEGIN"}, {"begin": "BEGIN IMMEDIATE"}
        else:
            # A writer waits for the row that another one writes, and then sees what that one wrote.
            reading, writing = {"isolation_level": "REPEATABLE READ"}, {"isolation_level": "READ COMMITTED"}
        self._readers = self._engine.execution_options(**reading)
        self._writers = self._engine.execution_options(**writing)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one snapshot and writes nothing."""
        with self._readers.begin() as tx:
            yield tx

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is durable once this returns, and undone when an error leaves it."""
        with self._turn, self._writers.begin() as tx:
            yield tx

    def close(self) -> None:
        self._engine.dispose()


class Joined(Database):
    """Transactions that are parts of one that is under way: they are undone each, and durable with it."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        yield self._tx

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        with self._tx.begin_nested():
            yield self._tx

    def close(self) -> None:
        raise NotImplementedError("who opened the transaction ends it")


def sqlite_url(path: Path) -> str:
    """Give the URL of the SQLite database in this file."""
    return sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def open_database(url: str) -> Database:
    """Open the database and bring its tables up to date.

    Raises `DatabaseUnusable` when it cannot be read or written, or was written by a newer Penstock.
    """
    with contextlib.ExitStack() as on_failure, explained():
        database = Database(url)
        on_failure.callback(database.close)
        with database.write() as tx:
            _bring_up_to_date(tx)
        on_failure.pop_all()
    return database


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise `DatabaseUnusable`, in the driver's own words, for what goes wrong at the database within."""
    try:
        yield
    except (exc.SQLAlchemyError, OSError, ImportError) as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        raise DatabaseUnusable(f"cannot use the database: {cause}") from error


def alone(tx: Connection) -> None:
    """Let no other process that starts go on before this transaction has ended."""
    if tx.dialect.name == "postgresql":  # SQLite has one writer anyway
        tx.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _START_LOCK})


def _bring_up_to_date(tx: Connection) -> None:
    alone(tx)
    revision = _revision(tx)
    if revision == SCHEMA_REVISION:
        # A write that changes nothing, so that a database which can only be read is refused here and now.
        tx.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = version_num"))
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "penstock.store:migrations")
    if revision is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(revision)
        except CommandError as error:
            raise DatabaseUnusable(
                f"the database is at revision {revision}, which a newer Penstock wrote; start that one"
            ) from error
    config.attributes["connection"] = tx
    command.upgrade(config, "head")
    log.info("database brought from revision %s to %s", revision or "empty", SCHEMA_REVISION)


def _revision(tx: Connection) -> str | None:
    if not sqlalchemy.inspect(tx).has_table("alembic_version"):
        return None
    return tx.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver shall not begin transactions on its own: _begin_sqlite does
    try:
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # an accepted call survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()  # the pool has not taken it yet
        raise


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: a reader that turns writer half-way would fail when another was faster.
    connection.exec_driver_sql(connection.get_execution_options()["begin"])


def older(tx: Connection, at: Column[int], before: int, after_id: int, limit: int) -> tuple[list[int], int | None]:
    """Give the ids of the next rows of a table that are older, and after which to go on; None: after the last."""
    ids = at.table.c.id
    following = select(ids, at).where(ids > after_id).order_by(ids).limit(limit)
    found = [id_ for id_, when in tx.execute(following) if when < before]
    return found, found[-1] if len(found) == limit else None
