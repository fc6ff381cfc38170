"""`penstock connectors`, on an engine cache of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from penstock.cli.main import app
from penstock.flink import connectors

Command = Callable[..., Result]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def command(cache: Path) -> Command:
    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["connectors", *words, "--cache-dir", str(cache)])

    return run


def test_all_are_listed_with_what_they_are_for_and_what_is_installed(command: Command, cache: Path) -> None:
    connectors.add("kafka", "2.3", cache, lambda jar, folder: (folder / jar.file_name).touch())
    rows = {row["name"]: row for row in json.loads(command("list", "--json").stdout)}
    assert rows.keys() == connectors.table().keys()
    assert (rows["kafka"]["version"], rows["kafka"]["installed"], rows["avro"]["installed"]) == (
        "5.0.0-2.2",
        True,
        False,
    )
    assert "connector upsert-kafka" in rows["kafka"]["provides"]
    shown = command("list", "--flink", "1.20").stdout
    assert "3.2.0-1.19" in shown
    assert "topics of Apache Kafka" in shown


def test_what_a_folder_lacks_is_named(command: Command, tmp_path: Path) -> None:
    done = command("add", "kafka", "--from", str(tmp_path))
    assert done.exit_code == 1
    assert done.stderr == (
        f"penstock: {tmp_path} does not hold flink-sql-connector-kafka-5.0.0-2.2.jar "
        "(org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2)\n"
    )


def test_what_is_removed_is_said(command: Command, cache: Path) -> None:
    connectors.add("kafka", "2.3", cache, lambda jar, folder: (folder / jar.file_name).touch())
    done = command("remove", "kafka")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("removed kafka for Flink 2.3\n")
    assert command("remove", "kafka").stderr == "penstock: kafka is not installed for Flink 2.3\n"


def test_a_line_without_connectors_is_refused(command: Command) -> None:
    done = command("list", "--flink", "1.15")
    assert (done.exit_code, done.stderr) == (
        1,
        "penstock: there are no connectors for Flink 1.15, only for 2.3, 1.20\n",
    )
