"""What can be wrong with the file of an SQLite database, and how it is kept safe."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from penstock.store import database as opening
from penstock.store.database import DatabaseUnusable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the file of a database that is up to date and closed."""
    file = tmp_path / "penstock.db"
    opening.open_database(opening.sqlite_url(file)).close()
    return file


def test_every_connection_commits_durably_and_holds_references_true(file: Path) -> None:
    database = opening.open_database(opening.sqlite_url(file))
    with database.read() as one, database.write() as other:
        for tx in (one, other):
            kept = [
                tx.execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert kept == ["wal", 2, 1]
    database.close()


@pytest.mark.parametrize("content", [b"this is no database " * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_unusable_and_left_alone(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match="cannot use the database: file is not a database"):
        opening.open_database(opening.sqlite_url(file))
    assert file.read_bytes() == content


def test_a_damaged_database_is_unusable(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match=r"cannot use the database: .*malformed"):
        opening.open_database(opening.sqlite_url(file))


@pytest.mark.parametrize("place", ["", "missing/penstock.db"], ids=["a folder", "in a folder that is not there"])
def test_a_place_where_no_file_can_be_is_unusable(tmp_path: Path, place: str) -> None:
    with pytest.raises(DatabaseUnusable, match="cannot use the database: unable to open database file"):
        opening.open_database(opening.sqlite_url(tmp_path / place))


def test_a_database_that_can_only_be_read_is_unusable(file: Path) -> None:
    url = sqlalchemy.URL.create("sqlite", database=f"file:{file}", query={"mode": "ro", "uri": "true"})
    with pytest.raises(DatabaseUnusable, match="cannot use the database: attempt to write a readonly database"):
        opening.open_database(url.render_as_string(hide_password=False))


def test_a_disk_that_is_full_makes_it_unusable_and_leaves_no_half_made_tables(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk."""
    file = tmp_path / "penstock.db"
    program = (
        "import resource, signal, sys; from penstock.store import database\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "try: database.open_database(database.sqlite_url(sys.argv[1]))\n"
        "except database.DatabaseUnusable as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", program, file], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("cannot use the database: "), told
    database = opening.open_database(opening.sqlite_url(file))
    database.close()


def test_several_processes_can_open_a_new_one_at_once(tmp_path: Path) -> None:
    url = opening.sqlite_url(tmp_path / "penstock.db")
    program = f"from penstock.store import database; database.open_database({url!r}).close()"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3
