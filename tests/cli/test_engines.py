"""`penstock engines`, on a cache folder, without a service."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from penstock.cli.main import app

Command = Callable[..., Result]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder with the folders of one installed Flink and of Java."""
    for folder in ("flink-1.20.5/pyflink/lib", "java-17"):
        (tmp_path / "engines" / folder).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def command(cache: Path) -> Command:
    return lambda *words: CliRunner().invoke(app, ["engines", *words, "--cache-dir", str(cache)])


def installed(command: Command) -> dict[str, bool]:
    return {each["line"]: each["installed"] for each in json.loads(command("list", "--json").output)}


def test_the_lines_are_listed_with_what_they_serve(command: Command) -> None:
    shown = command("list").output
    assert [line.split() for line in shown.splitlines()] == [
        ["line", "release", "installed", "serves"],
        ["2.3", "(default)", "2.3.0", "no", "2.3"],
        ["1.20", "1.20.5", "yes", "1.20,", *(f"1.{minor}," for minor in range(10, 17)), "1.17"],
    ]
    assert installed(command) == {"2.3": False, "1.20": True}


def test_what_is_installed_is_not_fetched_again_whatever_it_is_called(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for version in ("1.20", "1.15"):
        assert command("install", version).output.startswith("Flink 1.20.5 is installed; it serves 1.20, 1.10, ")
    failed = command("install")
    assert (failed.exit_code, failed.stderr.split(":")[:2]) == (1, ["penstock", " flink-2.3.0 was not installed"])


def test_one_is_removed_and_then_no_more_there(command: Command) -> None:
    assert command("remove", "1.20").output == "removed Flink 1.20.5\n"
    assert installed(command) == {"2.3": False, "1.20": False}
    assert command("remove", "1.20").output == "Flink 1.20.5 is not installed\n"


def test_one_that_runs_stays(command: Command, cache: Path) -> None:
    lib = cache / "engines" / "flink-1.20.5" / "pyflink" / "lib"
    program = [sys.executable, "-c", "input()", f"{lib}/*"]
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
        refused = command("remove", "1.20")
        process.kill()
    told = f"penstock: Flink 1.20.5 runs (processes {process.pid}): stop its jobs and end its clusters first\n"
    assert (refused.exit_code, refused.stderr) == (1, told)
    assert installed(command)["1.20"]


@pytest.mark.parametrize("words", [("install", "1.19"), ("remove", "1.15"), ("remove", "../java-17")])
def test_a_line_that_is_not_served_is_neither_installed_nor_removed(
    command: Command, words: tuple[str, str]
) -> None:
    refused = command(*words)
    assert refused.exit_code == 1
    assert "one of " in refused.stderr
