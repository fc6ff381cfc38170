"""A local Flink cluster: one JobManager and its TaskManager, started, adopted and stopped as one unit.

They are one unit because a TaskManager goes on producing when its JobManager is gone: whenever half of it is
missing, the rest is ended before anything is started. The processes outlive the service that started them.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from penstock.flink import config, processes
from penstock.flink.distribution import FlinkHome

_JOBMANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_OPENED = ("lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent")
_OPENED_MORE = ("util.concurrent.atomic", "util.concurrent.locks")
_SPLIT_AT = {os.pathsep, ",", "\\"} - {os.sep}
"""What ends a path on Java's class path, in Flink's lists of folders, and in its addresses of files."""
_PORTS = range(20_000, 32_000)
_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
appender.file.name = file
appender.file.type = RollingFile
appender.file.fileName = ${sys:log.file}
appender.file.filePattern = ${sys:log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c [%X{flink-job-id}] - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 20MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 5
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
"""

_children: list[subprocess.Popen[bytes]] = []
"""What this process has started: it outlives every object here, and is reaped when it ends."""


class Unit(msgspec.Struct, frozen=True):
    """What the state file remembers of a started cluster."""

    incarnation: str
    flink_version: str
    rest_url: str
    pids: tuple[int, ...]
    slots: int
    """What it was started with, whatever the settings say now."""


@dataclass(frozen=True)
class _Process:
    role: str
    main: str
    memory: tuple[str, ...]


class LocalCluster:
    """The cluster `name` of a data directory. Not for several threads at once."""

    def __init__(self, home: FlinkHome, data_dir: Path, name: str = "default", slots: int = 8) -> None:
        self._home = home
        self._slots = slots
        self._folder = data_dir.resolve() / "engines" / name
        self._marks = (processes.data_dir_mark(data_dir), f"-Dpenstock.engine={name}")
        self._unit: Unit | None = None

    @property
    def unit(self) -> Unit | None:
        """What was started or adopted, alive or not."""
        return self._unit

    def adopt(self) -> bool:
        """Take over what an earlier service has left running, and say whether the whole unit lives."""
        try:
            self._unit = msgspec.json.decode(self._state_file.read_bytes(), type=Unit)
        except (FileNotFoundError, msgspec.DecodeError):
            return False
        return self.is_alive()

    def is_alive(self) -> bool:
        """Say whether every process of the unit lives (which is not to say that it answers)."""
        _reap()
        return self._unit is not None and all(self._lives(pid, self._unit) for pid in self._unit.pids)

    def start(self) -> Unit:
        """Start the unit, after ending what is left of an earlier one, and return without waiting for its answers.

        A port that somebody else takes meanwhile ends the JobManager at once: then it is not alive, and the next
        start picks other ports.
        """
        self.stop()
        self._make_folders()
        rpc_port, rest_port = _free_ports()
        settings = config.cluster_configuration(self._folder, rpc_port, rest_port, self._slots)
        (self._folder / "conf" / "config.yaml").write_text(json.dumps(settings, indent=1))  # JSON is YAML
        (self._folder / "conf" / "log4j2.properties").write_text(_LOGGING)
        incarnation = uuid.uuid4().hex
        pids = tuple(self._spawn(process, incarnation) for process in self._processes())
        self._unit = Unit(incarnation, self._home.version, f"http://127.0.0.1:{rest_port}", pids, self._slots)
        _write_private(self._state_file, msgspec.json.encode(self._unit))
        return self._unit

    def stop(self) -> None:
        """End every process of this cluster, strays of earlier units too; raises `processes.StillRunning`."""
        processes.end(self._marks)
        _reap()
        self._unit = None
        self._state_file.unlink(missing_ok=True)

    @property
    def _state_file(self) -> Path:
        return self._folder / "unit.json"

    def _lives(self, pid: int, unit: Unit) -> bool:
        try:
            process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            return False
        return processes.carries(process, (*self._marks, _incarnation_mark(unit.incarnation)))

    def _make_folders(self) -> None:
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)  # 25 MB of a JobManager that was killed
        for name in ("conf", "log", "tmp", "upload"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)

    def _processes(self) -> tuple[_Process, _Process]:
        heap, direct = config.heap_mb(self._slots), config.direct_mb(self._slots)
        return (
            _Process("jobmanager", _JOBMANAGER, (f"-Xmx{config.JOBMANAGER_HEAP_MB}m",)),
            _Process("taskmanager", _TASKMANAGER, (f"-Xmx{heap}m", f"-XX:MaxDirectMemorySize={direct}m")),
        )

    def _spawn(self, process: _Process, incarnation: str) -> int:
        log = self._folder / "log"
        marks = (*self._marks, _incarnation_mark(incarnation))
        places = (f"-Dlog.file={log / process.role}.log", f"-XX:ErrorFile={log}/{process.role}-crash-%p.log")
        command = [str(self._home.java), *process.memory, *self._java_options(), *places, *marks]
        command += ["-cp", f"{self._home.lib}/*", process.main, "--configDir", str(self._folder / "conf")]
        with (log / f"{process.role}.out").open("wb") as out:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment(),
                start_new_session=True,
                umask=0o077,
            )
        _children.append(child)
        return child.pid

    def _java_options(self) -> list[str]:
        opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in (*_OPENED, *_OPENED_MORE)]
        return [
            *opened,
            "-Xms64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-XX:MaxMetaspaceSize={config.METASPACE_MB}m",
            "-XX:-UsePerfData",
            "-Djava.security.manager=allow",  # lets Flink intercept System.exit
            f"-Djava.io.tmpdir={self._folder / 'tmp'}",
            f"-Dlog4j.configurationFile={(self._folder / 'conf' / 'log4j2.properties').as_uri()}",
        ]

    def _environment(self) -> dict[str, str]:
        """A job can read its engine's environment: nothing of ours may be in it."""
        kept = {key: os.environ[key] for key in ("TZ",) if key in os.environ}
        home = {"HOME": str(self._folder), "PATH": os.defpath, "LANG": "C.UTF-8"}
        plugins = self._home.lib.parent / "plugins"
        return kept | home | ({"FLINK_PLUGINS_DIR": str(plugins)} if plugins.is_dir() else {})


def check_path(path: Path) -> None:
    """Raise `ValueError`, with a text for the user, where Flink could not use a folder: it would make others."""
    for sign in sorted(_SPLIT_AT):
        if sign in f"{path.absolute()}{path.resolve()}":
            raise ValueError(f"Flink cannot use a folder with {sign!r} in its path: {path}; name another one")


def stop_all(data_dir: Path) -> int:
    """End every engine of a data directory, whoever started it, and return how many processes that were."""
    return processes.end((processes.data_dir_mark(data_dir),))


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


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
