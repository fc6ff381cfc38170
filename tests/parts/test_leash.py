import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.parts.leash import Leashed

STARTER = """
import sys, pathlib
from tests.parts.leash import Leashed
program = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
Leashed([sys.executable, "-c", program], pathlib.Path(sys.argv[1]))
print("started", flush=True)
sys.stdin.read()
"""


def test_a_program_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, log], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        starter.stdout.readline()
        program = psutil.Process(first_number(log))
        starter.kill()
    program.wait(20)


def test_a_program_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    program = Leashed([sys.executable, "-c", "print('why it ended')"], tmp_path / "log")
    with pytest.raises(AssertionError, match="why it ended"):
        program.wait_for_port(1)
    program.stop()


def first_number(log: Path) -> int:
    while not (text := log.read_text()).endswith("\n"):
        pass
    return int(text)
