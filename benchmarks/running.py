"""Processes to measure: `penstock serve` on a folder of its own, and the bare web server that it stands on."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from penstock import service
from penstock.client import Client
from penstock.flink import cluster
from penstock.flink.cluster import Unit
from penstock.settings import PREFIX, load
from penstock.store import access

T = TypeVar("T")
PATIENCE_S = 180
BARE = """
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
app = Starlette(routes=[Route("/healthz", lambda request: PlainTextResponse("ok"))])
uvicorn.run(app, port={port}, log_level="error")
"""


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder, gone afterwards with every engine that works for a data directory `data` in it."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as name:
        try:
            yield Path(name)
        finally:
            cluster.stop_all(Path(name) / "data")


def unit(data_dir: Path) -> Unit:
    """Give the Flink that the service has started on a data directory."""
    return msgspec.json.decode((data_dir / "engines" / "default" / "unit.json").read_bytes(), type=Unit)


@contextlib.contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of this Python until the end of the block, with no settings of Penstock in its environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    quiet = subprocess.DEVNULL
    running = subprocess.Popen([sys.executable, *command], stdin=quiet, stdout=quiet, stderr=quiet, env=env)
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def serve(data_dir: Path, port: int, slots: int = 8) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Run the service, which takes its Flink along at the end."""
    command = ["-m", "penstock.cli.main", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    return process(*command, "--queue-slots", str(slots), "--stop-engines")


def bare_server(port: int) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return process("-c", BARE.format(port=port))


@contextlib.contextmanager
def ready(data_dir: Path, slots: int = 8) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    """Run the service, from when it can run jobs."""
    port = free_port()
    with serve(data_dir, port, slots) as running, httpx.Client(trust_env=False) as http:
        wait_for(lambda: answers(http, port, "/readyz"), "Flink", every_s=0.1)
        with client(data_dir, port) as calls:
            yield running, calls


def client(data_dir: Path, port: int) -> Client:
    """Give a client with the key that the first start has made."""
    storage = service.open_storage(load({"data_dir": data_dir}, {}))
    with storage.database.read() as tx:
        key = access.first_key(tx, storage.vault)
    storage.database.close()
    assert key is not None
    return Client(f"http://127.0.0.1:{port}", key.access_key, key.secret, key.project_id)


def run(client: Client, job_ids: Sequence[int]) -> None:
    """Run jobs, which are all that there are, until every one is `job_running`."""
    for part in parts(job_ids):
        client.run_jobs(part)
    wait_for(lambda: count(client, "job_running") == len(job_ids), "the jobs", every_s=0.05)


def stop(client: Client, job_ids: Sequence[int]) -> None:
    """Stop jobs, which are all that there are, until every one is `job_cancel_success`."""
    for part in parts(job_ids):
        client.stop_jobs(part)
    wait_for(lambda: count(client, "job_cancel_success") == len(job_ids), "their end", every_s=0.05)


def parts(job_ids: Sequence[int]) -> list[Sequence[int]]:
    """Divide ids into as many as one call takes."""
    return [job_ids[start : start + 100] for start in range(0, len(job_ids), 100)]


def count(client: Client, status: str) -> int:
    return int(client.list_jobs(status=status, limit=1)["total_count"])


def answers(http: httpx.Client, port: int, path: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return http.get(f"http://127.0.0.1:{port}{path}").is_success
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(look: Callable[[], T | None], what: str, every_s: float = 0.01, patience_s: float = PATIENCE_S) -> T:
    deadline = time.monotonic() + patience_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience_s} s in vain for {what}")
        time.sleep(every_s)
    return seen
