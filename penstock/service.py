"""Puts the parts together: settings -> database -> engine -> controller and server; starts and ends them."""

import contextlib
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from penstock import telemetry
from penstock.controller.capacity import Room
from penstock.controller.clusters import EmbeddedCluster
from penstock.controller.loop import Loop
from penstock.controller.reconcile import Reconciler
from penstock.controller.workers import Workers
from penstock.domain.queue import DEFAULT, Queue
from penstock.flink import cluster, distribution
from penstock.flink.buckets import Buckets
from penstock.flink.engine import FlinkEngine
from penstock.server.app import App, create_app
from penstock.server.operation import Context
from penstock.settings import Settings
from penstock.store import access, database, queues, vault
from penstock.store.database import Database
from penstock.store.vault import Vault

log = logging.getLogger(__name__)

FLINK_VERSION = "2.3.0"
_ACTS_AT_ONCE = 8


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
        if access.first_key(tx, storage.vault) is None:
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

    def __init__(self, settings: Settings, storage: Storage, progress: distribution.Progress) -> None:
        self._settings = settings
        self._database = storage.database
        self._metrics = telemetry.Metrics()
        self._woken = threading.Event()
        self._workers = Workers(_ACTS_AT_ONCE)
        self._buckets = Buckets(settings.data_dir / "buckets")
        self._cluster = EmbeddedCluster(lambda: self._prepare_cluster(progress), self._connect, self._woken.set)
        self._loop = Loop(self._reconciler().make_pass, self._woken)
        self.app: App = create_app(self._context(storage.vault))

    def start(self) -> None:
        with _or_cannot_start(self._settings.data_dir), database.explained(), self._database.write() as tx:
            queues.put(tx, Queue(DEFAULT, self._settings.queue_cus))
        self._cluster.start()
        self._loop.start()

    def stop(self) -> None:
        """End the service; Flink and its jobs go on unless the settings say otherwise."""
        self._loop.stop()
        self._cluster.stop(end_cluster=self._settings.stop_engines)
        self._database.close()

    def _context(self, opened: Vault) -> Context:
        return Context(
            database=self._database,
            vault=opened,
            now_ms=now_ms,
            new_id=new_id,
            wake=self._woken.set,
            readiness=self._cluster.readiness,
            flink_lines=frozenset(distribution.SUPPORTED),
            metrics=self._metrics,
        )

    def _reconciler(self) -> Reconciler:
        return Reconciler(
            queue=DEFAULT,
            database=self._database,
            engine=self._cluster,
            room=self._room,
            in_background=self._workers.do,
            now_ms=now_ms,
            new_id=new_id,
            wake=self._woken.set,
            metrics=self._metrics,
        )

    def _room(self) -> Room:
        reason = self._cluster.readiness()
        if reason is not None:
            return Room.shut(DEFAULT, reason)
        return Room.whole(DEFAULT, self._settings.queue_cus, self._cluster.slots())

    def _prepare_cluster(self, progress: distribution.Progress) -> cluster.LocalCluster:
        settings = self._settings
        home = prepare_flink(settings, progress)
        return cluster.LocalCluster(home, settings.data_dir, DEFAULT, settings.queue_slots)

    def _connect(self, rest_url: str) -> FlinkEngine:
        return FlinkEngine(rest_url, self._buckets, now_ms)


def prepare_flink(settings: Settings, progress: distribution.Progress) -> distribution.FlinkHome:
    """Give the Flink to run: the one the settings name, or the installed one; raises `InstallFailed`."""
    if settings.flink_home is None:
        return distribution.install(FLINK_VERSION, settings.cache_dir, progress)
    java = settings.java or distribution.install_java(settings.cache_dir, progress)
    return distribution.existing(settings.flink_home, java)


# --- one service per data directory ---


@dataclass(frozen=True)
class Instance:
    """The service that holds a data directory."""

    pid: int
    url: str
    """Empty until it listens."""


@contextlib.contextmanager
def held(data_dir: Path) -> Iterator[Callable[[str], None]]:
    """Hold the data directory for this process alone; what is given makes its URL known.

    Raises `CannotStart` when another service holds it.
    """
    lock = _lock(data_dir)
    try:
        lock.acquire(timeout=1)  # whoever only asks, in `running`, holds it for a moment too
    except filelock.Timeout as error:
        other = running(data_dir)
        where = f" at {other.url} (pid {other.pid})" if other and other.url else ""
        raise CannotStart(f"a service already runs on {data_dir}{where}; end it with: penstock stop") from error
    except OSError as error:
        raise CannotStart(f"cannot lock the data directory {data_dir}: {error}") from error
    try:
        _announce(data_dir, url="")
        yield lambda url: _announce(data_dir, url)
    finally:
        _instance_file(data_dir).unlink(missing_ok=True)
        lock.release()


def running(data_dir: Path) -> Instance | None:
    """Find the service that runs on this data directory; the lock says whether one does, as it ends with it."""
    if not data_dir.is_dir():
        return None
    try:
        with _lock(data_dir).acquire(timeout=0):
            return None
    except filelock.Timeout:
        pass
    try:
        return Instance(**json.loads(_instance_file(data_dir).read_text()))
    except (OSError, ValueError, TypeError):
        return None  # it is only just taking hold


def _lock(data_dir: Path) -> filelock.FileLock:
    return filelock.FileLock(data_dir / "serve.lock")


def _announce(data_dir: Path, url: str) -> None:
    partial = _instance_file(data_dir).with_suffix(".new")
    partial.write_text(json.dumps({"pid": os.getpid(), "url": url}))
    partial.rename(_instance_file(data_dir))


def _instance_file(data_dir: Path) -> Path:
    return data_dir / "serve.json"
