"""A local Flink cluster: one JobManager and its TaskManagers, started, adopted and stopped as one unit.

They are one unit because a TaskManager goes on producing when its JobManager is gone: whenever half of it is
missing, the rest is ended before anything is started. The processes outlive the service that started them.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import filelock
import msgspec
import psutil

from penstock.domain import lines
from penstock.flink import config, connectors, job_logs, jvm, log_settings, processes, shapes
from penstock.flink.distribution import FlinkHome
from penstock.flink.shapes import Shape

_SPLIT_AT = {os.pathsep, ",", "\\"} - {os.sep}
"""What ends a path on Java's class path, in Flink's lists of folders, and in its addresses of files."""
_UNIT = "unit.json"
_ENDS = "ended.json"
_ENDS_KEPT = 100
_PORTS = range(20_000, 32_000)
_LOCK_PATIENCE_S = 60.0
"""Longer than two processes take to end, the one in peace and the other by force."""


class Unit(msgspec.Struct, frozen=True):
    """What the state file remembers of the cluster that was started last."""

    incarnation: str
    flink_version: str
    rest_url: str
    pids: tuple[int, ...]
    slots: int
    """What it was started with in all, whatever the settings say now."""
    connectors: tuple[str, ...] = ()
    """The jars of connectors that it was started with."""
    file_systems: str = ""
    """A digest of what it was told of the servers of buckets."""


class LocalCluster:
    """The cluster `name` of a data directory. Not for several threads at once."""

    def __init__(
        self,
        home: FlinkHome | None,
        data_dir: Path,
        name: str = "default",
        slots: int = 8,
        *,
        file_systems: Mapping[str, str] | None = None,
    ) -> None:
        """Take the Flink to start, or none for what is only found and ended, and how it reaches the buckets."""
        self._home = home
        self._slots = slots
        self._file_systems = dict(file_systems or {})
        told = json.dumps(self._file_systems, sort_keys=True).encode()
        self._digest = hashlib.sha256(told).hexdigest() if file_systems else ""
        self._job_logs = job_logs.folder(data_dir)
        self._folder = data_dir.resolve() / "engines" / name
        self._marks = (processes.data_dir_mark(data_dir), _engine_mark(name))
        self._unit: Unit | None = None
        self._lock = filelock.FileLock(self._folder.with_name(f"{self._folder.name}.lock"))

    @property
    def unit(self) -> Unit | None:
        """What was started last, as far as this object knows: it may be dead."""
        return self._unit

    @property
    def has_s3(self) -> bool:
        """Whether what was started last has Flink's S3 file system."""
        return any((self._folder / "plugins").glob("*/flink-s3-fs-*.jar"))

    @contextlib.contextmanager
    def transition(self) -> Iterator[None]:
        """Keep other processes from starting or ending the cluster: what one finds here stays true meanwhile.

        A service that was paused can still believe that a cluster is its own which another one keeps up by now.
        """
        self._lock_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock.acquire(timeout=_LOCK_PATIENCE_S):
            yield

    def adopt(self) -> bool:
        """Take over what an earlier service has left running, and say whether the whole unit lives."""
        self._unit = _remembered(self._folder)
        return self.is_alive()

    def is_alive(self) -> bool:
        """Say whether every process of the unit lives (which is not to say that it answers)."""
        jvm.reap()
        return self._unit is not None and all(self._lives(pid, self._unit) for pid in self._unit.pids)

    def start(self, shape: Shape | None = None) -> Unit:
        """Start the unit, after ending what is left of an earlier one, and return without waiting for its answers.

        It is made for many small jobs in its slots unless a shape is given.

        A port that somebody else takes meanwhile ends the JobManager at once: then it is not alive, and the next
        start picks other ports.
        """
        home = self._home
        assert home is not None
        shape = shape or shapes.shared(self._slots)
        with self.transition():
            processes.end(self._marks, at_once=True)  # half a cluster has nothing to put in order
            jvm.reap()
            held = connectors.held(home)  # before any is loaded: what comes later outdates the unit
            self._make_folders(home)
            rpc_port, rest_port = _free_ports()
            settings = config.cluster_configuration(self._folder, rpc_port, rest_port, shape, home.line)
            settings |= self._file_systems | connectors.settings(home)
            written = json.dumps(settings, indent=1)  # JSON is YAML
            _write_private(self._folder / "conf" / "config.yaml", written.encode())
            (self._folder / "conf" / "log4j2.properties").write_text(log_settings.properties(shape.levels))
            incarnation = lines.incarnation(home.line, uuid.uuid4().hex)
            marks = (*self._marks, _incarnation_mark(incarnation))
            pids = tuple(jvm.spawn(role, home, self._folder, self._job_logs, marks) for role in jvm.roles(shape))
            jvm.guard(pids, self._folder, marks)
            rest_url = f"http://127.0.0.1:{rest_port}"
            slots = shape.taskmanagers * shape.slots
            self._unit = Unit(incarnation, home.version, rest_url, pids, slots, held, self._digest)
            _write_private(self._folder / _UNIT, msgspec.json.encode(self._unit))
            return self._unit

    def stop(self) -> None:
        """End the cluster on purpose, strays of earlier units too; raises `processes.StillRunning`."""
        with self.transition():
            if self.adopt():
                _note_end(self._folder)
            self.end_processes()

    def end_processes(self) -> None:
        """End what is left of a cluster that has died, or that hangs; raises `processes.StillRunning`."""
        with self.transition():
            processes.end(self._marks)
            jvm.reap()

    def newer(self) -> object | None:
        """Give what a unit started now would have in place of the connectors and servers that this one knows.

        None where it would have the same, and while connectors are being installed.
        """
        if self._unit is None or self._home is None:
            return None
        held = (connectors.held(self._home), self._digest)
        differs = held != (self._unit.connectors, self._unit.file_systems)
        return held if differs and not connectors.are_being_installed(self._home) else None

    def advised(self, reason: str) -> str:
        """Add to why a job fails how to install the connector that it misses."""
        return connectors.advised(reason, self._home) if self._home else reason

    def was_ended(self, incarnation: str) -> bool:
        """Say whether a unit that is no more was ended on purpose."""
        return incarnation in _ended(self._folder)

    def remove(self, log_to: Path) -> None:
        """Remove what a cluster that was stopped has left, and keep its log there."""
        with self.transition():
            log_to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                (self._folder / "log").replace(log_to)
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock_file.unlink(missing_ok=True)

    @property
    def _lock_file(self) -> Path:
        return Path(self._lock.lock_file)

    def _lives(self, pid: int, unit: Unit) -> bool:
        try:
            process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            return False
        return processes.carries(process, (*self._marks, _incarnation_mark(unit.incarnation)))

    def _make_folders(self, home: FlinkHome) -> None:
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)  # 25 MB of a JobManager that was killed
        shutil.rmtree(self._folder / "plugins", ignore_errors=True)
        for name in ("conf", "log", "plugins", "tmp", "upload"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for plugin in connectors.plugins(home):
            (self._folder / "plugins" / plugin.name).symlink_to(plugin)
        self._folder.chmod(0o700)


def check_path(path: Path) -> None:
    """Raise `ValueError`, with a text for the user, where Flink could not use a folder: it would make others."""
    for sign in sorted(_SPLIT_AT):
        if sign in f"{path.absolute()}{path.resolve()}":
            raise ValueError(f"Flink cannot use a folder with {sign!r} in its path: {path}; name another one")


def stop_all(data_dir: Path) -> int:
    """End every engine of a data directory, whoever started it, and return how many processes that were."""
    for unit in (data_dir.resolve() / "engines").rglob(_UNIT):
        _note_end(unit.parent)
    return processes.end((processes.data_dir_mark(data_dir),))


def is_running(data_dir: Path, name: str) -> bool:
    """Say whether any process of the cluster of this name lives, whoever started it."""
    return bool(processes.find((processes.data_dir_mark(data_dir), _engine_mark(name))))


def folders(data_dir: Path) -> set[str]:
    """Name the folders of all engines that a data directory has ever had."""
    engines = data_dir.resolve() / "engines"
    return {folder.name for folder in engines.iterdir() if folder.is_dir()} if engines.is_dir() else set()


def forget(data_dir: Path, folder: str) -> None:
    """End and remove the engines of a folder; raises `processes.StillRunning`."""
    engines = data_dir.resolve() / "engines"
    for unit in (engines / folder).rglob(_UNIT):
        name = unit.parent.relative_to(engines).as_posix()
        processes.end((processes.data_dir_mark(data_dir), _engine_mark(name)))
    shutil.rmtree(engines / folder, ignore_errors=True)


def _remembered(folder: Path) -> Unit | None:
    try:
        return msgspec.json.decode((folder / _UNIT).read_bytes(), type=Unit)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _note_end(folder: Path) -> None:
    """Remember that the unit of the folder, if there is one, ends because we end it."""
    unit, ended = _remembered(folder), _ended(folder)
    if unit is not None and unit.incarnation not in ended:
        _write_private(folder / _ENDS, msgspec.json.encode([*ended, unit.incarnation][-_ENDS_KEPT:]))


def _ended(folder: Path) -> list[str]:
    try:
        return msgspec.json.decode((folder / _ENDS).read_bytes(), type=list[str])
    except (FileNotFoundError, msgspec.DecodeError):
        return []


def _engine_mark(name: str) -> str:
    return f"-Dpenstock.engine={name}"


def _incarnation_mark(incarnation: str) -> str:
    return f"-Dpenstock.incarnation={incarnation}"


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        return _bind(first), _bind(second)


def _bind(free: socket.socket) -> int:
    """Find a free port below those that systems give to outgoing connections, which would soon be taken again."""
    while True:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


def _write_private(file: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:  # readable by its owner only
        part.write(content)
    Path(part.name).replace(file)
