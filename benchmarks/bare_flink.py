"""A Flink of the jars and the size of one of ours, started as Flink's own scripts do, and watched by nobody."""

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks import running
from penstock.flink import runner
from penstock.flink.rest import FlinkRest, RestError, RestUnavailable

_OF_A_CLUSTER = ("blob.", "io.", "jobmanager.", "rest.", "s3.", "taskmanager.", "web.upload")
"""What says where a cluster lies, how large it is and which servers it knows; other settings are our choices."""
_OUR_OPTIONS = (
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel", "-XX:MetaspaceSize", "-XX:-UsePerfData", "-Xms"),
    "-Dpenstock.",
)
_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
appender.file.name = file
appender.file.type = RollingFile
appender.file.fileName = ${sys:log.file}
appender.file.filePattern = ${sys:log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 100MB
"""
"""Flink's own `log4j.properties`, as far as it matters here."""


class BareFlink:
    def __init__(self, engine: Path, folder: Path) -> None:
        """Start it in a folder, after the model of ours that runs in the folder `engine`."""
        for name in ("conf", "log", "tmp", "upload"):
            (folder / name).mkdir(parents=True)
        port = _configure(folder, (engine / "conf" / "config.yaml").read_text().replace(str(engine), str(folder)))
        environment = os.environ | {"FLINK_PLUGINS_DIR": str(engine / "plugins")}
        pids = json.loads((engine / "unit.json").read_bytes())["pids"]
        commands = [_as_scripts_do(psutil.Process(pid).cmdline(), engine, folder) for pid in pids]
        quiet = subprocess.DEVNULL
        self._running = [
            subprocess.Popen(command, env=environment, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
            for command in commands
        ]
        self.pids = [each.pid for each in self._running]
        self.rest = FlinkRest(f"http://127.0.0.1:{port}")
        running.wait_for(self._has_slots, "the bare Flink", every_s=0.2)
        self._runner = self.rest.upload_jar(runner.JAR, runner.JAR.name)

    def submit(self, sql: str, settings: Mapping[str, str]) -> None:
        program = {"entryClass": runner.ENTRY_CLASS, "programArgsList": runner.program_arguments(sql)}
        self.rest.run_jar(self._runner, {**program, "flinkConfiguration": settings})

    def cancel(self) -> None:
        for row in self.rest.overview():
            self.rest.cancel(row.jid)
        running.wait_for(lambda: all(row.state == "CANCELED" for row in self.rest.overview()), "the end of the job")

    def stop(self) -> None:
        self.rest.close()
        for each in self._running:
            each.kill()
            each.wait()

    def _has_slots(self) -> bool:
        with contextlib.suppress(RestUnavailable, RestError):
            return self.rest.resources().slots_total > 0
        return False


def _configure(folder: Path, ours: str) -> int:
    """Write the settings of our model but for our choices, with ports of its own; gives that of the REST API."""
    settings, port = json.loads(ours), running.free_port()
    ports = {"jobmanager.rpc.port": running.free_port(), "rest.port": port, "rest.bind-port": port}
    kept = {key: value for key, value in settings.items() if key.startswith(_OF_A_CLUSTER)}
    (folder / "conf" / "config.yaml").write_text(json.dumps(kept | ports))
    (folder / "conf" / "log4j2.properties").write_text(_LOGGING)
    return port


def _as_scripts_do(command: Sequence[str], engine: Path, folder: Path) -> list[str]:
    """Take our choices out of the command line of one of our processes, and put it into another folder."""
    kept = [word.replace(str(engine), str(folder)) for word in command if not word.startswith(_OUR_OPTIONS)]
    heap = next(word for word in kept if word.startswith("-Xmx"))
    return [kept[0], heap.replace("-Xmx", "-Xms"), "-XX:+UseG1GC", *kept[1:]]
