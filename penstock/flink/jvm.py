"""How a process of Flink is started: its Java options, what it sees of our environment, and where it logs."""

import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.flink import config, connectors
from penstock.flink import guard as guard_program
from penstock.flink.distribution import FlinkHome

_OPENED = ("lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent")
_OPENED_MORE = ("util.concurrent.atomic", "util.concurrent.locks")
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


@dataclass(frozen=True)
class Role:
    """What a process of a cluster is there for."""

    name: str
    main: str
    memory: tuple[str, ...]


def roles(slots: int) -> tuple[Role, Role]:
    """Give the JobManager and the TaskManager of a cluster of this size, in this order."""
    heap, direct = config.heap_mb(slots), config.direct_mb(slots)
    jobmanager = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    taskmanager = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    return (
        Role("jobmanager", jobmanager, (f"-Xmx{config.JOBMANAGER_HEAP_MB}m",)),
        Role("taskmanager", taskmanager, (f"-Xmx{heap}m", f"-XX:MaxDirectMemorySize={direct}m")),
    )


def spawn(role: Role, home: FlinkHome, folder: Path, marks: Collection[str]) -> int:
    """Start a process that outlives us in the folder of its cluster, and return its id."""
    log = folder / "log"
    (folder / "conf" / "log4j2.properties").write_text(_LOGGING)
    places = (f"-Dlog.file={log / role.name}.log", f"-XX:ErrorFile={log}/{role.name}-crash-%p.log")
    command = [str(home.java), *role.memory, *_options(folder), *places, *marks]
    class_path = os.pathsep.join([f"{home.lib}/*", *connectors.class_path(home)])
    command += ["-cp", class_path, role.main, "--configDir", str(folder / "conf")]
    with (log / f"{role.name}.out").open("wb") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
            umask=0o077,
        )
    _children.append(child)
    return child.pid


def guard(pids: Sequence[int], folder: Path) -> None:
    """Start what ends all these processes together, and outlives us as they do."""
    command = [sys.executable, "-I", guard_program.__file__, *map(str, pids)]
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=folder, env={}, start_new_session=True
    )
    _children.append(child)


def reap() -> None:
    """Let go of the children that have ended."""
    _children[:] = [child for child in _children if child.poll() is None]


def _options(folder: Path) -> list[str]:
    opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in (*_OPENED, *_OPENED_MORE)]
    return [
        *opened,
        "-Xms64m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:MetaspaceSize=128m",  # what the first job needs: to get there from 21 MB takes full collections
        f"-XX:MaxMetaspaceSize={config.METASPACE_MB}m",
        "-XX:-UsePerfData",
        "-Djava.security.manager=allow",  # lets Flink intercept System.exit
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dlog4j.configurationFile={(folder / 'conf' / 'log4j2.properties').as_uri()}",
    ]


def _environment(folder: Path) -> dict[str, str]:
    """A job can read its engine's environment: nothing of ours may be in it."""
    kept = {key: os.environ[key] for key in ("TZ",) if key in os.environ}
    own = {"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8"}
    return kept | own | {"FLINK_PLUGINS_DIR": str(folder / "plugins")}
