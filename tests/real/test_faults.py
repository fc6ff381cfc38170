"""Plugs pulled on a running service: what goes on, what is refused, and what the next start shows."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from penstock.client import Client
from penstock.flink import processes
from tests.real.conftest import PENSTOCK, Served, penstock, wait_for
from tests.real.test_statuses import cancel_in_flink, in_flink, started

pytestmark = pytest.mark.flink


@pytest.fixture
def connect(served: Served) -> Iterator[Callable[[], Client]]:
    """Give a client of the service as it runs now; it gets another port at each start."""
    with contextlib.ExitStack() as clients:
        yield lambda: clients.enter_context(served.client("keys", "create", "--project", "faults", "--user", "jo"))


@pytest.fixture
def client(connect: Callable[[], Client]) -> Client:
    return connect()


def flink_jobs(served: Served, name: str) -> list[tuple[str, str]]:
    return [(job["jid"], job["state"]) for job in in_flink(served) if job["name"] == name]


def test_a_service_ended_in_peace_leaves_flink_running_and_the_next_one_adopts_it(
    served: Served, connect: Callable[[], Client]
) -> None:
    job_id = started(connect(), "peaceful")
    pids, jobs = served.flink_unit["pids"], flink_jobs(served, "peaceful")
    assert served.stop() == f"stopped the service on {served.data_dir}\n"
    assert served.log.rstrip().endswith("stopped; Flink and its jobs go on (penstock stop --engines ends them)")
    assert flink_jobs(served, "peaceful") == jobs
    seconds = served.start()
    assert connect().show_job(job_id)["status"] == "job_running"
    served.wait_until_ready()
    assert served.flink_unit["pids"] == pids
    assert flink_jobs(served, "peaceful") == jobs
    assert seconds < 30
    connect().delete_job(job_id)


def test_a_service_killed_while_jobs_run_shows_them_truly_at_the_next_start(
    served: Served, connect: Callable[[], Client]
) -> None:
    client = connect()
    running, ended = started(client, "goes_on"), started(client, "ends_meanwhile")
    jobs = flink_jobs(served, "goes_on")
    assert served.process is not None
    served.process.kill()
    served.process.wait()
    ((run_id, _),) = flink_jobs(served, "ends_meanwhile")
    cancel_in_flink(served, run_id)
    served.start()
    client = connect()
    wait_for(lambda: client.show_job(ended)["status"] == "job_cancel_success", "the truth about the ended job")
    assert client.show_job(running)["status"] == "job_running"
    assert flink_jobs(served, "goes_on") == jobs
    client.delete_jobs([running, ended])


def test_while_flink_is_away_the_list_answers_with_what_was_last_known(served: Served, client: Client) -> None:
    job_id = started(client, "frozen")
    processes = [psutil.Process(pid) for pid in served.flink_unit["pids"]]
    for process in processes:
        process.suspend()
    try:
        away = re.compile(r'penstock_engine_up{queue_id="\d+"} 0\.0')
        wait_for(lambda: away.search(served.text("/metrics")), "the look that finds Flink away")
        assert served.get("/readyz") == 503
        assert client.list_jobs(status="job_running")["jobs"][0]["job_id"] == job_id
        client.stop_jobs([job_id])
        assert client.show_job(job_id)["status"] == "job_canceling"
    finally:
        for process in processes:
            process.resume()
    wait_for(lambda: client.show_job(job_id)["status"] == "job_cancel_success", "the stop, once Flink is back")
    client.delete_job(job_id)


def test_a_second_service_on_the_same_data_directory_refuses(served: Served) -> None:
    second = penstock("serve", "--port", "0", "--data-dir", str(served.data_dir))
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1].startswith(
        f"penstock: a service already runs on {served.data_dir} at http"
    )
    assert served.get("/healthz") == 200


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_on_a_full_disk_the_service_says_so_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    full = subprocess.run(
        [PENSTOCK, "serve", "--port", "0", "--data-dir", str(tmp_path / "data")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16)),  # no file larger than 16 bytes
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert full.returncode == 1
    assert full.stderr.startswith("penstock: cannot open the data directory "), full.stderr
    assert "Traceback" not in full.stderr
    assert not (tmp_path / "data" / "secret.key").exists()


def test_an_unreadable_database_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    damaged = tmp_path / "penstock.db"
    damaged.write_bytes(b"not a database" * 100)
    done = penstock("serve", "--port", "0", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"penstock: cannot open the data directory {tmp_path}: cannot use the database: file is not a database\n"
    )
    assert damaged.read_bytes() == b"not a database" * 100


def test_a_port_in_use_is_told(served: Served, tmp_path: Path) -> None:
    port = served.url.rpartition(":")[2]
    done = penstock("serve", "--port", port, "--data-dir", str(tmp_path))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        f"penstock: cannot listen on 127.0.0.1:{port}: Address already in use",
    )


def test_what_the_service_writes_is_for_its_owner_only(served: Served) -> None:
    for name in ("secret.key", "penstock.db", "serve.json"):
        assert (served.data_dir / name).stat().st_mode & 0o077 == 0, name


def test_the_engine_does_not_see_the_environment_of_the_service(served: Served) -> None:
    assert os.environ.get("HOME")
    for pid in served.flink_unit["pids"]:
        process = psutil.Process(pid)
        assert f"-Dpenstock.data-dir={served.data_dir.resolve()}" in process.cmdline()
        ours = {name for name in process.environ() if name.startswith(("PENSTOCK", "HUAWEI", "PYTEST"))}
        assert ours == {processes.VARIABLE}


def test_ctrl_c_ends_the_service_as_well(served: Served) -> None:
    assert served.process is not None
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(30) == 0
    served.start()
    served.wait_until_ready()
