"""Puts the parts together: settings -> database -> engine -> controller and server; starts and ends them."""

import contextlib
import json
import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from penstock import telemetry
from penstock.controller.alarms import AlarmSender
from penstock.controller.janitor import Janitor
from penstock.controller.keeper import Keeper, Means
from penstock.controller.leases import Controller
from penstock.controller.log_keeper import LogKeeper
from penstock.controller.pruner import Pruner
from penstock.controller.questions import Questions
from penstock.domain.errors import NotFound, PackageNotFound
from penstock.domain.package import Name
from penstock.domain.queue import DEFAULT, Holder, Queue
from penstock.engines import Clusters
from penstock.flink import cluster, distribution, storage_map
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.bundles import Bundles
from penstock.flink.engine import Engines
from penstock.flink.job_logs import JobLogs
from penstock.server.app import App, create_app
from penstock.server.operation import Context
from penstock.server.rates import Rates
from penstock.settings import Settings
from penstock.store import access, database, members, packages, queues, vault
from penstock.store.contents import Contents
from penstock.store.database import Database
from penstock.store.vault import Vault

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The service cannot start; the text is for the operator."""


@dataclass(frozen=True)
class Storage:
    """The open database of a data directory, and the key to its secrets."""

    database: Database
    vault: Vault


def open_storage(settings: Settings) -> Storage:
    """Open the data directory, and make what a first start makes: a project, a user and a key.

    Raises `CannotStart`.
    """
    os.umask(0o077)  # whatever is written from here on is for its owner only
    _check_folders(settings)
    with contextlib.ExitStack() as on_failure, _or_cannot_start(settings.data_dir):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        opened = vault.open_vault(settings.data_dir / "secret.key")
        url = settings.database_url or database.sqlite_url(settings.data_dir / "penstock.db")
        storage = Storage(database.open_database(url), opened)
        on_failure.callback(storage.database.close)
        _first_start(storage)
        on_failure.pop_all()
    return storage


def _check_folders(settings: Settings) -> None:
    try:
        for folder in (settings.data_dir, settings.cache_dir, settings.flink_home):
            if folder is not None:
                cluster.check_path(folder)
    except ValueError as error:
        raise CannotStart(str(error)) from error


def _first_start(storage: Storage) -> None:
    with database.explained(), storage.database.write() as tx:
        database.alone(tx)
        if access.first_key(tx, storage.vault) is None and not members.projects(tx):
            access.create_key(tx, storage.vault, project="default", user="admin", now=now_ms())


@contextlib.contextmanager
def _or_cannot_start(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, database.DatabaseUnusable, vault.WrongKey) as error:
        raise CannotStart(f"cannot open the data directory {data_dir}: {error}") from error


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_id() -> str:
    return uuid.uuid4().hex


class Service:
    """One running Penstock: the API's application, and the threads that make Flink agree with it."""

    def __init__(self, settings: Settings, storage: Storage, progress: distribution.Progress, seat: "Seat") -> None:
        self._settings = settings
        self._database = storage.database
        self._metrics = telemetry.Metrics()
        self._buckets = open_buckets(settings)
        self._contents = Contents(settings.data_dir / "packages", settings.package_limit_mb << 20)
        room = settings.data_dir / "bundles" / str(seat.number)
        self._bundles = Bundles(self._buckets, self._package, self._contents.limit, room)
        engines = Engines(self._buckets, now_ms, self._bundles)
        self._clusters = Clusters(settings, progress, self._database, engines, new_id)
        self._logs = JobLogs(settings.data_dir, self._buckets.scrub)
        means = Means(
            self._database,
            now_ms,
            new_id,
            self._metrics,
            self._clusters.of,
            note_failure=self._logs.note_failure,
            ttl_in_hours=settings.idle_state_retention_unit == "hours",
            skips_dirty_records=settings.dirty_data_strategy_applies,
        )
        holder = _holder(settings, seat)
        self._controller = Controller(self._database, holder, lambda queue: Keeper(queue, means), now_ms)
        janitor = Janitor(self._database, self._buckets, holder, now_ms)
        every_s = settings.log_copy_interval_s
        log_keeper = LogKeeper(self._database, self._logs, self._buckets, now_ms, every_s)
        alarms = AlarmSender(self._database, storage.vault, now_ms)
        pruner = Pruner(self._database, settings.history_days, settings.audit_days, now_ms)
        self._chores = (janitor.rounds, log_keeper.rounds, alarms.rounds, pruner.rounds)
        self.app: App = create_app(self._context(storage.vault))

    def start(self) -> None:
        size = Queue(DEFAULT, self._settings.queue_cus, self._settings.queue_slots)
        with _or_cannot_start(self._settings.data_dir), database.explained(), self._database.write() as tx:
            database.alone(tx)
            queues.put_default(tx, size, now_ms())
            self._contents.sweep(packages.contents(tx))
        self._bundles.sweep()
        self._clusters.end_those_of_deleted_queues()
        self._controller.start()
        for chore in self._chores:
            chore.start()

    def stop(self) -> None:
        """End the service; Flink and its jobs go on unless the settings say otherwise."""
        for chore in self._chores:
            chore.stop()
        self._controller.stop(end_clusters=self._settings.stop_engines)
        self._database.close()

    def _context(self, opened: Vault) -> Context:
        questions = Questions(self._controller.keeper)
        return Context(
            database=self._database,
            vault=opened,
            now_ms=now_ms,
            new_id=new_id,
            wake=self._controller.wake,
            readiness=self._controller.readiness,
            flink_line=self._clusters.default_line,
            metrics=self._metrics,
            state_at=self._state_at,
            knows_bucket=self._knows_bucket,
            logs=self._logs,
            contents=self._contents,
            download=self._download,
            buckets=self._buckets.of_project,
            plan=questions.plan,
            figures=questions.figures,
            savepoint_timeout_s=self._settings.savepoint_timeout_s,
            jobs_per_project=self._settings.jobs_per_project,
            rates=Rates(self._settings.calls_per_second),
        )

    def _knows_bucket(self, project_id: str, name: str) -> bool:
        return self._buckets.of_project(project_id).knows(name)

    def _state_at(self, project_id: str, address: str) -> str | None:
        try:
            return self._buckets.of_project(project_id).state_at(address)
        except BucketFailure as error:
            raise NotFound(str(error)) from error

    def _download(self, project_id: str, address: str, to: Path, limit: int) -> None:
        try:
            self._buckets.of_project(project_id).download(address, to, limit)
        except BucketFailure as error:
            raise NotFound(str(error)) from error

    def _package(self, project_id: str, name: Name) -> Path:
        with self._database.read() as tx:
            found = packages.get(tx, project_id, name)
        file = self._contents.path(found.content)
        if not file.is_file():
            raise PackageNotFound(
                f"package {name} was uploaded to another data directory; upload it to this one too"
            )
        return file


def open_buckets(settings: Settings) -> Buckets:
    """Give the buckets their places; raises `CannotStart`."""
    root, file = settings.data_dir / "buckets", settings.storage
    if file is None:
        return Buckets(root, write_timeout_s=settings.savepoint_timeout_s)
    try:
        storage = storage_map.read(file, os.environ)
        for folder in storage.folders():
            cluster.check_path(folder)
    except (storage_map.BadMap, ValueError) as error:
        raise CannotStart(f"cannot use the storage map: {error}") from error
    if storage_map.is_exposed(file):
        log.warning("others can read %s, which holds a secret key: chmod 600 it", file)
    return Buckets(root, storage, write_timeout_s=settings.savepoint_timeout_s)


# --- the processes of a data directory ---

_MOST_PROCESSES = 16


@dataclass(frozen=True)
class Instance:
    """A service that runs on a data directory."""

    pid: int
    url: str
    """Empty until it listens."""


@dataclass(frozen=True)
class Seat:
    """What a process holds of a data directory as long as it lives; the next one to hold it is its successor."""

    data_dir: Path
    number: int

    def announce(self, url: str) -> None:
        """Make the address known under which the service listens."""
        file = self.file
        partial = file.with_suffix(".new")
        partial.write_text(json.dumps({"pid": os.getpid(), "url": url}))
        partial.rename(file)

    @property
    def file(self) -> Path:
        return self.data_dir / f"{self._name}.json"

    @property
    def lock(self) -> filelock.FileLock:
        return filelock.FileLock(self.data_dir / f"{self._name}.lock")

    @property
    def _name(self) -> str:
        return f"serve-{self.number}" if self.number else "serve"


def _shares_database(settings: Settings) -> bool:
    return settings.database_url is not None and not settings.database_url.startswith("sqlite")


def _holder(settings: Settings, seat: Seat) -> Holder:
    """Name this process among all that share the database, and the place of its local engines.

    Where no other place can hold the database, any is the same: it may be moved, and hosts change their names.
    """
    shared = f"{socket.gethostname()}:{settings.data_dir.resolve()}"
    place = shared if _shares_database(settings) else "here"
    return Holder(f"{place}#{seat.number}", place)


@contextlib.contextmanager
def held(settings: Settings) -> Iterator[Seat]:
    """Hold a seat on the data directory; there are several only where a server keeps the database.

    Raises `CannotStart` when another service holds it.
    """
    data_dir = settings.data_dir
    for number in range(_MOST_PROCESSES if _shares_database(settings) else 1):
        seat = Seat(data_dir, number)
        lock = seat.lock
        try:
            lock.acquire(timeout=0.3)  # whoever only asks, in `running`, holds it for a moment too
        except filelock.Timeout:
            continue
        except OSError as error:
            raise CannotStart(f"cannot lock the data directory {data_dir}: {error}") from error
        try:
            seat.announce(url="")
            yield seat
        finally:
            seat.file.unlink(missing_ok=True)
            lock.release()
        return
    other = next(iter(running(data_dir)), None)
    where = f" at {other.url} (pid {other.pid})" if other and other.url else ""
    raise CannotStart(f"a service already runs on {data_dir}{where}; end it with: penstock stop")


def running(data_dir: Path) -> list[Instance]:
    """Find the services that run on this data directory; a lock ends with its process."""
    found = (_instance(Seat(data_dir, number)) for number in range(_MOST_PROCESSES))
    return [instance for instance in found if instance is not None]


def _instance(seat: Seat) -> Instance | None:
    try:
        if not seat.file.exists():
            return None
        with seat.lock.acquire(timeout=0):
            return None
    except filelock.Timeout:
        pass
    try:
        return Instance(**json.loads(seat.file.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # it is only just taking hold
