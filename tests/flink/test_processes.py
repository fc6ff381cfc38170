"""Processes of an engine and what they have started, told by their marks."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.flink import guard, processes

PARENT = """\
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""
"""Starts one that goes on when it is killed, in a session of its own."""


@pytest.fixture
def marks(tmp_path: Path) -> tuple[str, str]:
    return processes.data_dir_mark(tmp_path), "-Dpenstock.engine=default"


@pytest.fixture
def family(marks: tuple[str, str]) -> Iterator[list[psutil.Process]]:
    """A process with the marks, and one that it has started."""
    command = [sys.executable, "-c", PARENT, *marks]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict([processes.inheritable(marks)])) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        yield [psutil.Process(parent.pid), child]
        processes.end(marks, at_once=True)


def test_what_a_process_has_started_is_found_and_ended_with_it(
    family: list[psutil.Process], marks: tuple[str, str]
) -> None:
    assert sorted(processes.find(marks), key=lambda each: each.pid) == sorted(family, key=lambda each: each.pid)
    assert processes.end(marks) == 2
    assert processes.find(marks) == []


def test_it_is_found_when_the_process_is_gone(family: list[psutil.Process], marks: tuple[str, str]) -> None:
    parent, child = family
    parent.kill()
    parent.wait()
    assert processes.find(marks) == [child]
    assert processes.find([*marks, "-Dpenstock.incarnation=another"]) == []


def test_the_guard_ends_it_when_the_process_is_gone(family: list[psutil.Process], marks: tuple[str, str]) -> None:
    parent, child = family
    command = [sys.executable, "-I", guard.__file__, *processes.inheritable(marks), str(parent.pid)]
    with subprocess.Popen(command) as watching:
        assert watching.poll() is None
        parent.kill()
        assert watching.wait(20) == 0
    assert processes.find(marks) == []
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
