"""From the kill of the JobManager until every job runs again: Penstock's way, and that of Flink with ZooKeeper."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks import report, running
from penstock import service
from penstock.client import Client
from penstock.flink import cluster, processes, runner
from penstock.flink.cluster import LocalCluster
from penstock.settings import load

JOBS = 4
TURNS = 3
ROUNDS = 2
SQL = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE sums (parity BIGINT, total BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT MOD(n, 2), SUM(n) FROM numbers GROUP BY MOD(n, 2);
"""
ZOOKEEPER = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.ZooKeeperServerMain"
SESSION_MS = 4000
EXPLANATION = (
    f"{TURNS} turns of both, each alone on the machine: a warm cluster with {JOBS} jobs that have state and a "
    f"checkpoint a second, and {ROUNDS} rounds. "
    "The JobManager is killed (SIGKILL); the time is until Flink says of every job that all "
    "its tasks run and that it was restored from a checkpoint, which is asked every 50 ms. *ZooKeeper*: the same "
    "Flink with the same settings and `high-availability.type: zookeeper`, whose JobManager is started again at "
    "once, as a supervisor does, while its TaskManager lives on; ZooKeeper's sessions end after "
    f"{SESSION_MS / 1000:g} s, the least that it allows (Flink asks for 60 s unless set). *Penstock* must first "
    "notice, ends the TaskManager too, and submits each job under a new id."
)


def measure() -> report.Table:
    pairs: list[tuple[float, float]] = []
    for _ in range(TURNS):
        pairs += zip(by_penstock(), by_zookeeper(), strict=True)
    ours, theirs = zip(*pairs, strict=True)
    rows = [
        (f"from the kill until {JOBS} jobs run", "median", "of ZooKeeper's, by pairs (middle half)"),
        ("Penstock", report.seconds(ours), report.ratio(ours, theirs)),
        ("Flink with ZooKeeper", report.seconds(theirs), "1"),
    ]
    return report.Table("A killed JobManager", EXPLANATION, rows)


def by_penstock() -> list[float]:
    with (
        running.folder() as folder,
        running.ready(folder / "data") as (_, client),
        httpx.Client(trust_env=False) as http,
    ):
        start_ours(client)
        data_dir = folder / "data"
        url, kill = lambda: running.unit(data_dir).rest_url, lambda: kill_ours(data_dir)
        return [recover(http, url, kill) for _ in range(ROUNDS)]


def by_zookeeper() -> list[float]:
    with running.folder() as folder, zookeeper(folder) as reference, httpx.Client(trust_env=False) as http:
        start_theirs(http, reference.url, folder)
        return [recover(http, lambda: reference.url, reference.replace_jobmanager) for _ in range(ROUNDS)]


def recover(http: httpx.Client, where: Callable[[], str], kill: Callable[[], None]) -> float:
    """Kill a JobManager once every job has a checkpoint, and give the seconds until every one is back."""
    running.wait_for(lambda: count(http, where, "completed") == JOBS, "the checkpoints", every_s=0.2)
    began = time.perf_counter()
    kill()
    running.wait_for(lambda: count(http, where, "restored") == JOBS, "the jobs", every_s=0.05)
    return time.perf_counter() - began


def count(http: httpx.Client, where: Callable[[], str], what: str) -> int:
    """Count the jobs of which every task runs, and that have completed checkpoints, or were restored from one."""
    try:
        url = where()
        jobs = ask(http, f"{url}/jobs/overview")["jobs"]
        well = [job["jid"] for job in jobs if job["tasks"]["running"] == job["tasks"]["total"] > 0]
        return sum(ask(http, f"{url}/jobs/{jid}/checkpoints")["latest"][what] is not None for jid in well)
    except (OSError, httpx.HTTPError):
        return 0


def ask(http: httpx.Client, url: str) -> Any:
    return http.get(url).raise_for_status().json()


def start_ours(client: Client) -> None:
    settings = {"checkpoint_enabled": True, "checkpoint_interval": 1, "restart_when_exception": True}
    always = {"resume_checkpoint": True, "resume_max_num": -1}
    names = [f"recovered-{number}" for number in range(JOBS)]
    running.run(client, [client.create_sql_job(name=name, sql_body=SQL, **settings, **always) for name in names])


def kill_ours(data_dir: Path) -> None:
    psutil.Process(running.unit(data_dir).pids[0]).kill()


def start_theirs(http: httpx.Client, url: str, folder: Path) -> None:
    running.wait_for(lambda: has_slots(http, url), "the reference", every_s=0.1)
    with runner.JAR.open("rb") as jar:
        uploaded = http.post(f"{url}/jars/upload", files={"jarfile": (runner.JAR.name, jar)}).raise_for_status()
    jar_id = uploaded.json()["filename"].rpartition("/")[2]
    settings = {
        "execution.checkpointing.interval": "1 s",
        "execution.checkpointing.dir": (folder / "checkpoints").as_uri(),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    }
    body = {"entryClass": runner.ENTRY_CLASS, "programArgsList": runner.program_arguments(SQL)}
    for _ in range(JOBS):
        http.post(f"{url}/jars/{jar_id}/run", json=body | {"flinkConfiguration": settings}, timeout=120)


def has_slots(http: httpx.Client, url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return bool(ask(http, f"{url}/overview")["slots-total"])
    return False


class Reference:
    """A JobManager, its TaskManager and a ZooKeeper, by the commands with which Penstock starts its own."""

    def __init__(self, url: str, commands: list[list[str]]) -> None:
        self.url = url
        self._commands = commands
        self._running = [start(command) for command in commands]

    def replace_jobmanager(self) -> None:
        self._running[0].kill()
        self._running[0].wait()
        self._running[0] = start(self._commands[0])

    def stop(self) -> None:
        for each in self._running:
            each.kill()
            each.wait()


@contextlib.contextmanager
def zookeeper(folder: Path) -> Iterator[Reference]:
    """Run a Flink that is as Penstock's, and kept available by ZooKeeper."""
    home = service.prepare_flink(load({}, {}), lambda *_: None)
    local = LocalCluster(home, folder)
    unit = local.start()
    commands = [psutil.Process(pid).cmdline() for pid in unit.pids]
    local.stop()
    port = running.free_port()
    file = folder / "engines" / "default" / "conf" / "config.yaml"
    file.write_text(json.dumps(json.loads(file.read_text()) | high_availability(folder, port)))
    (folder / "zoo.cfg").write_text(
        f"dataDir={folder}/zookeeper\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
        f"tickTime={SESSION_MS // 2}\nadmin.enableServer=false\n"
    )
    options = ["-Xmx64m", processes.data_dir_mark(folder), "-cp", f"{home.lib}/*"]
    commands.append([str(home.java), *options, ZOOKEEPER, str(folder / "zoo.cfg")])
    reference = Reference(unit.rest_url, commands)
    try:
        yield reference
    finally:
        reference.stop()
        cluster.stop_all(folder)


def high_availability(folder: Path, port: int) -> dict[str, str]:
    return {
        "high-availability.type": "zookeeper",
        "high-availability.zookeeper.quorum": f"127.0.0.1:{port}",
        "high-availability.storageDir": (folder / "high-availability").as_uri(),
        "high-availability.zookeeper.client.session-timeout": f"{SESSION_MS} ms",
    }


def start(command: list[str]) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)


if __name__ == "__main__":
    print(measure())
