"""How a process of Flink is started: its Java options, what it sees of our environment, and where it logs."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from penstock.flink import connectors, log_settings, processes
from penstock.flink import guard as guard_program
from penstock.flink.distribution import FlinkHome
from penstock.flink.shapes import Shape

_OPENED = ("lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent")
_OPENED_MORE = ("util.concurrent.atomic", "util.concurrent.locks")
_children: set[int] = set()
"""What this process has started: it outlives every object here, and is reaped when it ends."""


@dataclass(frozen=True)
class Role:
    """What a process of a cluster is there for."""

    name: str
    main: str
    options: tuple[str, ...]


def roles(shape: Shape) -> list[Role]:
    """Give the JobManager and the TaskManagers of a cluster of this shape, in this order."""
    jobmanager = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    taskmanager = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    memory = shape.memory
    manages = (
        f"-Xmx{shape.jobmanager_heap}m",
        f"-XX:MaxMetaspaceSize={shape.jobmanager_metaspace}m",
        "-Xms64m",
        "-XX:TieredStopAtLevel=1",  # it plans, and runs no code for long
    )
    works = (
        f"-Xmx{memory.heap}m",
        f"-Xms{memory.heap}m",  # a heap that begins small collects all of it again and again under load
        f"-XX:MaxDirectMemorySize={memory.direct}m",
        f"-XX:MaxMetaspaceSize={memory.metaspace}m",
    )
    workers = [Role(f"taskmanager-{number}", taskmanager, works) for number in range(1, shape.taskmanagers + 1)]
    return [Role("jobmanager", jobmanager, manages), *workers]


def spawn(role: Role, home: FlinkHome, folder: Path, job_logs: Path, marks: Collection[str]) -> int:
    """Start a process that outlives us in the folder of its cluster, and return its id."""
    log = folder / "log"
    places = [f"-Dlog.file={log / role.name}.log", f"-XX:ErrorFile={log}/{role.name}-crash-%p.log"]
    places += [f"-D{log_settings.ROLE}={role.name}", f"-D{log_settings.JOB_LOGS}={job_logs}"]
    command = [str(home.java), *role.options, *_options(folder), *places, *marks]
    class_path = os.pathsep.join([f"{home.lib}/*", *connectors.class_path(home)])
    command += ["-cp", class_path, role.main, "--configDir", str(folder / "conf")]
    with (log / f"{role.name}.out").open("wb") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(folder, marks),
            start_new_session=True,
            umask=0o077,
        )
    return _let_go(child)


def guard(pids: Sequence[int], folder: Path, marks: Collection[str]) -> None:
    """Start what ends all these processes together, and what they have started; it outlives us as they do."""
    command = [sys.executable, "-I", guard_program.__file__, *processes.inheritable(marks), *map(str, pids)]
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, cwd=folder, env={}, start_new_session=True
    )
    _let_go(child)


def reap() -> None:
    """Let go of the children that have ended."""
    for pid in tuple(_children):
        with contextlib.suppress(ChildProcessError):  # another thread was faster
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                continue
        _children.discard(pid)


def _let_go(child: subprocess.Popen[bytes]) -> int:
    """Keep no more than the id: an object would warn at our end that its process lives."""
    child.returncode = 0
    _children.add(child.pid)
    return child.pid


def _options(folder: Path) -> list[str]:
    opened = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in (*_OPENED, *_OPENED_MORE)]
    return [
        *opened,
        "-XX:+UseSerialGC",
        "-XX:MetaspaceSize=128m",  # what the first job needs: to get there from 21 MB takes full collections
        "-XX:-UsePerfData",
        "-Djava.security.manager=allow",  # lets Flink intercept System.exit
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dlog4j.configurationFile={(folder / 'conf' / 'log4j2.properties').as_uri()}",
    ]


def _environment(folder: Path, marks: Collection[str]) -> dict[str, str]:
    """A job can read its engine's environment: nothing of ours may be in it."""
    kept = {key: os.environ[key] for key in ("TZ",) if key in os.environ}
    own = {"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8"}
    inherited = dict([processes.inheritable(marks)])
    return kept | own | inherited | {"FLINK_PLUGINS_DIR": str(folder / "plugins")}
