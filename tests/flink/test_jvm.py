"""Processes that are started to outlive us."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from penstock.flink import jvm

_STARTER = """\
import sys
from pathlib import Path
from penstock.flink import jvm
jvm.guard([int(sys.argv[1])], Path(sys.argv[2]), [f"-Dof={sys.argv[2]}"])
"""


@pytest.fixture
def guarded() -> Iterator[psutil.Process]:
    """A process that ends only when it is told to."""
    with subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield psutil.Process(process.pid)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def test_whoever_has_started_what_outlives_it_ends_without_a_warning(
    guarded: psutil.Process, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "error", "-c", _STARTER, str(guarded.pid), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""


def test_what_was_started_is_reaped_once_it_has_ended(guarded: psutil.Process, tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    jvm.guard([guarded.pid], tmp_path, [f"-Dof={tmp_path}"])
    (guard,) = set(psutil.Process().children()) - before
    guarded.kill()
    deadline = time.monotonic() + 30
    while psutil.pid_exists(guard.pid):
        assert time.monotonic() < deadline
        jvm.reap()
        time.sleep(0.05)
