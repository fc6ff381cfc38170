"""`penstock demo`: one job on real Flink, through the API alone, from its creation to its end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import httpx
from rich.console import Console

from penstock import engines, service
from penstock.cli import progress, shop
from penstock.cli.failure import fail
from penstock.client import ApiError, Client, Unreachable
from penstock.flink import cluster, distribution
from penstock.settings import PREFIX, Settings, load
from penstock.store import access

_PATIENCE_S = 120
_COLUMNS = "  {:>6}  {:<7}{:<16}{:<22}{:>9}  {:<13}"
_HEAD = _COLUMNS.format("time", "job_id", "name", "status", "duration", "has_savepoint")


class DemoFailed(Exception):
    """Something did not happen as it should; the text says what."""


@dataclass
class Clock:
    """How long each part took, in seconds."""

    parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.parts[name] = time.monotonic() - began


def play(settings: Settings) -> None:
    """Play the demo in a temporary folder; everything that it starts is gone at the end, whatever happens."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console(highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="penstock-demo-"))
    clock = Clock()
    try:
        _play(console, folder, settings, clock)
    except (DemoFailed, ApiError, Unreachable, distribution.InstallFailed, service.CannotStart) as error:
        log = folder / "serve.log"
        tail = log.read_text().splitlines()[-15:] if log.exists() else []
        fail("\n".join(["the demo failed: " + str(error), *tail]))
    finally:
        cluster.stop_all(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
    took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in clock.parts.items())
    console.print(f"\nAll that the demo started is gone. It took: {took}.")


def _play(console: Console, folder: Path, settings: Settings, clock: Clock) -> None:
    home = load({"data_dir": folder / "data", "cache_dir": settings.cache_dir, "port": 0}, {})
    console.rule("Flink and its Java, from the package registry")
    with clock.part("install"):
        engines.prepare_flink(home, progress.Downloads(console, console.print))
    console.print(f"installed in {home.cache_dir}")
    console.rule("penstock serve")
    with _service(home, folder, clock) as client:
        for name in ("visits", "counts"):
            (folder / name).mkdir()
        visits = shop.Shop(folder / "visits")
        try:
            _Story(console, client, visits, folder, clock).tell()
        finally:
            visits.close()


@contextmanager
def _service(home: Settings, folder: Path, clock: Clock) -> Iterator[Client]:
    """Run `penstock serve` beside us, as a user does, until the end of the block."""
    command = [sys.executable, "-m", "penstock.cli.main", "serve", "--port", "0", "--stop-engines"]
    command += ["--data-dir", str(home.data_dir), "--cache-dir", str(home.cache_dir)]
    storage = service.open_storage(home)
    with storage.database.read() as tx:
        key = access.first_key(tx, storage.vault)
    storage.database.close()
    assert key is not None
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        )
    try:
        with clock.part("API"):
            running = _wait(lambda: _listening(home.data_dir), "the service to start", process)
        with clock.part("Flink"):
            _wait(lambda: _is_ready(running.url), "Flink to be ready", process)
        with Client(running.url, key.access_key, key.secret, key.project_id) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


class _Story:
    """What happens, told line by line."""

    def __init__(self, console: Console, client: Client, visits: shop.Shop, folder: Path, clock: Clock) -> None:
        self._console = console
        self._client = client
        self._shop = visits
        self._counts = folder / "counts"
        self._sql = (
            resources.files("penstock.cli")
            .joinpath("demo.sql")
            .read_text()
            .replace("{visits}", (folder / "visits").as_uri())
            .replace("{counts}", (folder / "counts").as_uri())
        )
        self._clock = clock
        self._began = time.monotonic()
        self._shown: tuple[str, bool] | None = None

    def tell(self) -> None:
        self._console.rule("POST sql-jobs: a job that counts the visits of a shop, as they arrive")
        self._console.print(self._sql.partition("INSERT")[1] + self._sql.partition("INSERT")[2])
        job_id = self._client.create_sql_job(
            name="demo_visits",
            job_type="flink_opensource_sql_job",
            sql_body=self._sql,
            checkpoint_enabled=True,
            checkpoint_interval=1,
        )
        self._console.rule("POST jobs/run, and GET jobs until it runs")
        self._console.print(_HEAD, style="bold")
        self._list()
        with self._clock.part("first job"):
            self._client.run_jobs([job_id])
            self._until("job_running")
        self._shop.open()
        before = self._rows(more_than=0)
        self._stop_with_savepoint(job_id)
        self._resume(job_id, before)
        self._end(job_id)

    def _stop_with_savepoint(self, job_id: int) -> None:
        self._console.rule("POST jobs/stop, with a savepoint")
        self._shop.pause()
        self._console.print(_HEAD, style="bold")
        self._client.stop_jobs([job_id], trigger_savepoint=True)
        job = self._until("job_cancel_success")
        if not job["has_savepoint"]:
            raise DemoFailed("the job was stopped with a savepoint, and has none")
        self._console.print(f"  savepoint_path: {job['savepoint_path']}")

    def _resume(self, job_id: int, before: int) -> None:
        self._console.rule("POST jobs/run, from the savepoint: the totals go on")
        self._console.print(_HEAD, style="bold")
        self._client.run_jobs([job_id], resume_savepoint=True)
        self._until("job_running")
        self._shop.open()
        self._rows(more_than=before)

    def _end(self, job_id: int) -> None:
        self._console.rule("POST jobs/stop, then DELETE")
        self._console.print(_HEAD, style="bold")
        self._client.stop_jobs([job_id])
        self._until("job_cancel_success")
        self._client.delete_job(job_id)
        if self._client.list_jobs()["total_count"]:
            raise DemoFailed("the deleted job is still listed")
        rows = shop.counted(self._counts)
        wrong = [row for row in rows if row["total"] != self._shop.total(str(row["page"]), str(row["until"]))]
        if wrong:
            raise DemoFailed(f"Flink's count differs from the shop's own, first here: {wrong[0]}")
        self._console.print(f"All {len(rows)} totals, before and after the savepoint, equal the shop's own count.")

    def _until(self, status: str) -> dict[str, Any]:
        """List until the job has the status, and show every change of the list."""

        def reached() -> dict[str, Any] | None:
            job = self._list()
            if job["status"] in ("job_submit_fail", "job_running_exception", "job_cancel_fail"):
                raise DemoFailed(f"the job is {job['status']}: {job['status_desc']}")
            return job if job["status"] == status else None

        return _wait(reached, f"the job to be {status}", every=0.1)

    def _list(self) -> dict[str, Any]:
        job: dict[str, Any] = self._client.list_jobs()["jobs"][0]
        told = (job["status"], job["has_savepoint"])
        if told != self._shown:
            self._shown = told
            passed, duration = f"{time.monotonic() - self._began:.1f} s", f"{job['duration'] / 1000:.1f} s"
            cells = (passed, job["job_id"], job["name"], job["status"], duration, str(job["has_savepoint"]))
            self._console.print(_COLUMNS.format(*cells))
        return job

    def _rows(self, *, more_than: int) -> int:
        """Wait for rows of five more minutes, print the newest, and give the number of all rows."""
        rows = _wait(
            lambda: rows if len(rows := shop.counted(self._counts)) >= more_than + 15 else None, "rows to come"
        )
        self._console.print(f"\n  {'until':<21}{'page':<10}{'visits':>6}{'total':>8}", style="bold")
        for row in rows[-6:]:
            self._console.print(f"  {row['until']:<21}{row['page']:<10}{row['visits']:>6}{row['total']:>8}")
        return len(rows)


def _listening(data_dir: Path) -> service.Instance | None:
    running = next(iter(service.running(data_dir)), None)
    return running if running and running.url else None


def _is_ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    return False


T = TypeVar("T")


def _wait(
    look: Callable[[], T | None], what: str, process: subprocess.Popen[bytes] | None = None, every: float = 0.2
) -> T:
    """Look until there is something to see; raises `DemoFailed` when that takes too long."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (seen := look()):
        if process is not None and process.poll() is not None:
            raise DemoFailed("the service has ended")
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {_PATIENCE_S} s in vain for {what}")
        time.sleep(every)
    return seen
