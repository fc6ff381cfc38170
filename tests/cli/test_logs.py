"""`penstock jobs logs`: the logs of a job, and what comes."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.domain.job import Goal, Run, Status
from penstock.flink import job_logs
from tests.cli.conftest import Command
from tests.serving import Service

FIRST, SECOND = "c0ffee00" * 4, "deadbeef" * 4
Put = Callable[..., None]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def put(run_id: str, name: str, text: str) -> None:
        file = job_logs.folder(tmp_path / "data") / run_id / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return put


def ran(service: Service, *run_ids: str) -> str:
    job_id = service.create()
    for run_id in run_ids:
        service.becomes(job_id, goal=Goal.RUN, status=Status.RUNNING, run=Run(run_id, submit_at=0))
    return str(job_id)


def test_the_files_of_the_last_run_are_printed_one_after_the_other(
    service: Service, penstock: Command, put: Put
) -> None:
    job_id = ran(service, FIRST, SECOND)
    put(FIRST, "jobmanager.log", "old\n")
    put(SECOND, "jobmanager.log.1", "one [red]\n")
    put(SECOND, "jobmanager.log", "two\n")
    put(SECOND, "taskmanager-1.log", "three\n")
    assert penstock("jobs", "logs", job_id).stdout == (
        "==> deadbeef jobmanager.log.1 <==\none [red]\n"
        "==> deadbeef jobmanager.log <==\ntwo\n"
        "==> deadbeef taskmanager-1.log <==\nthree\n"
    )


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("--process", "taskmanager"), "==> deadbeef taskmanager-1.log <==\nthree\n"),
        (("--process", "taskmanager-1"), "==> deadbeef taskmanager-1.log <==\nthree\n"),
        (("--run", "c0ff"), "==> c0ffee00 jobmanager.log <==\nold\n"),
    ],
)
def test_a_run_and_a_process_can_be_chosen(
    service: Service, penstock: Command, put: Put, options: tuple[str, ...], shown: str
) -> None:
    job_id = ran(service, FIRST, SECOND)
    put(FIRST, "jobmanager.log", "old\n")
    put(SECOND, "jobmanager.log", "two\n")
    put(SECOND, "taskmanager-1.log", "three\n")
    assert penstock("jobs", "logs", job_id, *options).stdout == shown


def test_a_job_without_logs_says_so(service: Service, penstock: Command) -> None:
    done = penstock("jobs", "logs", ran(service))
    assert (done.exit_code, "there are no such logs of this job" in done.stderr) == (1, True)


def test_the_files_of_all_runs_can_be_listed(service: Service, penstock: Command, put: Put) -> None:
    job_id = ran(service, FIRST, SECOND)
    put(FIRST, "jobmanager.log", "old\n")
    put(SECOND, "jobmanager.log", "newer\n")
    listed = penstock("jobs", "logs", job_id, "--list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == [SECOND, FIRST]


def test_following_goes_on_into_new_files_and_runs_until_the_job_is_at_rest(
    service: Service, penstock: Command, put: Put
) -> None:
    job_id = ran(service, FIRST)
    put(FIRST, "jobmanager.log", f"{'x' * 9000}\none\n")
    printed: list[str] = []
    following = threading.Thread(target=lambda: printed.append(penstock("jobs", "logs", job_id, "-f").stdout))
    following.start()
    wait_for_reads(service, 2)
    put(FIRST, "jobmanager.log.1", f"{'x' * 9000}\none\ntwo\n")
    put(FIRST, "jobmanager.log", "three\n")
    wait_for_reads(service, 3)
    service.becomes(int(job_id), run=Run(SECOND, submit_at=0))
    put(SECOND, "jobmanager.log", "four\n")
    service.becomes(int(job_id), goal=Goal.REST, status=Status.FINISHED, run=None)
    following.join(20)
    assert printed == ["==> c0ffee00 jobmanager.log <==\none\ntwo\nthree\n==> deadbeef jobmanager.log <==\nfour\n"]


@contextlib.contextmanager
def following(penstock: Command, job_id: str, service: Service) -> Iterator[list[str]]:
    """Follow the logs of a job, from before this begins until after it ends; what was printed is there then."""
    printed: list[str] = []
    thread = threading.Thread(target=lambda: printed.append(penstock("jobs", "logs", job_id, "-f").stdout))
    thread.start()
    wait_for_reads(service, 1)
    yield printed
    service.becomes(int(job_id), goal=Goal.REST, status=Status.FINISHED, run=None)
    thread.join(20)


def test_following_loses_no_line_of_files_that_are_full_at_any_moment(
    service: Service, penstock: Command, put: Put, tmp_path: Path
) -> None:
    job_id = ran(service, FIRST)
    put(FIRST, "jobmanager.log", "line 0\n")
    current = job_logs.folder(tmp_path / "data") / FIRST / "jobmanager.log"
    lines = itertools.count(1)
    with following(penstock, job_id, service) as printed:
        for number in range(1, 200):
            with current.open("a") as file:
                file.writelines(f"line {next(lines)}\n" for _ in range(number % 7))
            current.rename(f"{current}.{number}")
            current.write_text(f"line {next(lines)}\n")
            wait_for_reads(service, 1 if number % 50 == 0 else 0)
    assert printed == [
        f"==> c0ffee00 jobmanager.log <==\n{''.join(f'line {n}{chr(10)}' for n in range(next(lines)))}"
    ]


def test_following_says_that_lines_were_gone_before_they_were_read(
    service: Service, penstock: Command, put: Put, tmp_path: Path
) -> None:
    job_id = ran(service, FIRST)
    put(FIRST, "jobmanager.log", "one\n")
    with following(penstock, job_id, service) as printed:
        put(FIRST, "jobmanager.log.3", "three\n")
        put(FIRST, "jobmanager.log", "four\n")
    assert printed == [
        "==> c0ffee00 jobmanager.log <==\none\n"
        "==> c0ffee00 jobmanager.log: lines came faster than they were read, and are left out <==\nthree\nfour\n"
    ]


def wait_for_reads(service: Service, rounds: int) -> None:
    """Wait until the command has read on in so many rounds from now."""
    reads = service.context.metrics.requests.labels("read_log", "GET", 200)._value
    goal = reads.get() + rounds
    deadline = time.monotonic() + 20
    while reads.get() < goal:
        assert time.monotonic() < deadline
        time.sleep(0.01)
