"""Opening a database, on every kind; what only SQLite does stands in test_database_sqlite.py."""

import contextlib

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from penstock.store import database as opening
from penstock.store import schema
from penstock.store.database import Database, DatabaseUnusable
from tests.store.conftest import make_project


def test_the_newest_migration_is_the_revision_that_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", "penstock.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [opening.SCHEMA_REVISION]


def test_the_migrations_make_the_tables_of_the_schema(database: Database) -> None:
    with database.read() as tx:
        differences = compare_metadata(MigrationContext.configure(tx), schema.METADATA)
    assert differences == []


def test_a_project_of_an_older_release_is_as_old_as_its_first_key(fresh_url: str) -> None:
    _of_revision("0003", fresh_url)
    older = sqlalchemy.create_engine(fresh_url)
    with older.begin() as tx:
        for name in ("used", "unused"):
            tx.execute(text("INSERT INTO projects (id, name) VALUES (:name, :name)"), {"name": name})
        tx.execute(text("INSERT INTO users (id, name) VALUES ('u', 'u')"))
        for at in (9, 7):
            tx.execute(
                text("INSERT INTO access_keys VALUES (:id, :secret, 'u', 'used', :at)"),
                {"id": f"k{at}", "secret": b"", "at": at},
            )
    older.dispose()
    opened = opening.open_database(fresh_url)
    with opened.read() as tx:
        found = {row.name: row.created_at for row in tx.execute(select(schema.PROJECTS))}
    opened.close()
    assert found == {"used": 7, "unused": 9}


def _of_revision(revision: str, url: str) -> None:
    engine = sqlalchemy.create_engine(url)
    config = Config()
    config.set_main_option("script_location", "penstock.store:migrations")
    with engine.begin() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, revision)
    engine.dispose()


def test_opening_it_again_keeps_what_it_holds(database: Database, database_url: str) -> None:
    made = make_project(database)
    again = opening.open_database(database_url)
    with again.read() as tx:
        assert tx.execute(select(schema.PROJECTS.c.id).filter_by(id=made)).scalar() == made
    again.close()


def test_a_transaction_that_an_error_leaves_is_undone(database: Database, project: str) -> None:
    with contextlib.suppress(ZeroDivisionError), database.write() as tx:
        tx.execute(schema.PROJECTS.update().filter_by(id=project).values(name="changed"))
        raise ZeroDivisionError
    with database.read() as tx:
        assert tx.execute(select(schema.PROJECTS.c.name).filter_by(id=project)).scalar() == project


def test_a_reader_sees_one_moment_while_others_write(database: Database, project: str) -> None:
    name = select(schema.PROJECTS.c.name).filter_by(id=project)
    with database.read() as reader:
        assert reader.execute(name).scalar() == project
        with database.write() as writer:
            writer.execute(schema.PROJECTS.update().filter_by(id=project).values(name=f"{project}-2"))
        assert reader.execute(name).scalar() == project


def test_a_database_of_a_newer_release_is_refused_and_left_alone(database: Database, database_url: str) -> None:
    of_release("9999", database)
    try:
        with pytest.raises(DatabaseUnusable, match="at revision 9999, which a newer Penstock wrote"):
            opening.open_database(database_url)
        with database.read() as tx:
            assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    finally:
        of_release(opening.SCHEMA_REVISION, database)


def test_a_database_whose_driver_is_not_installed_is_refused() -> None:
    with pytest.raises(DatabaseUnusable, match="cannot use the database: No module named"):
        opening.open_database("oracle://nobody@127.0.0.1/nothing")


def of_release(revision: str, database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
