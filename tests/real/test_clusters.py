"""What clusters a queue can have, on real Flink: one for each job, somebody else's, one that is recycled."""

import contextlib
import json
import re
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from penstock.client import ApiError, Client
from penstock.flink import processes, shapes
from penstock.flink.cluster import LocalCluster
from penstock.flink.distribution import FlinkHome
from tests import jars
from tests.flink import programs
from tests.real.chaos.wire import Wire
from tests.real.conftest import Served, wait_for
from tests.real.test_jar_jobs import counted
from tests.real.test_job_state import CHECKPOINTS, COPYING, FILES, copied
from tests.real.test_statuses import started, until

pytestmark = pytest.mark.flink

RESTARTING: dict[str, Any] = {"restart_when_exception": True, "resume_checkpoint": True}


APART: dict[str, Any] = {
    "parallel_number": 2,
    "tm_slot_num": 1,
    "runtime_config": "jobmanager.memory.process.size=2g\ntaskmanager.memory.process.size=2560m",
    "flink_log_config": '{"loggers_level_of_class":{"org.apache.flink.runtime.checkpoint":"DEBUG"}}',
}


@dataclass
class Site:
    """The service, spoken to as it runs now."""

    served: Served
    folder: Path
    connect: Callable[[], Client]
    """It listens on another port after each start."""
    _url: str = ""

    @property
    def client(self) -> Client:
        if self._url != self.served.url:
            self._url, self._client = self.served.url, self.connect()
        return self._client

    def rows(self) -> list[dict[str, Any]]:
        return [self.client.show_job(job["job_id"]) for job in self.client.list_jobs()["jobs"]]

    def copying(self, name: str, **fields: Any) -> int:
        """Start a job that copies the numbers from 1 on into files, each exactly once."""
        sql = COPYING.format(files=FILES.format(path=(self.folder / name).as_uri(), format="csv"))
        return started(self.client, name, sql, **CHECKPOINTS, **fields)

    def goes_on_without_gap_or_repeat(self, *names: str) -> bool:
        """Wait for so many more numbers; what runs in parallel can be ahead of the rest."""
        for name in names:
            count = len(copied(self.folder / name)) + 40
            whole = list(range(1, count + 1))
            wait_for(
                lambda name=name, whole=whole: copied(self.folder / name)[: len(whole)] == whole, f"all of {name}"
            )
        return True

    def run_id(self, job_id: int) -> str:
        graph = wait_for(lambda: self.client.show_job(job_id)["execution_graph"], "the plan")
        return str(json.loads(graph)["jid"])

    def kill_and_start(self) -> None:
        assert self.served.process is not None
        self.served.process.send_signal(signal.SIGKILL)
        self.served.process.wait()
        self.served.start()

    def delete(self, *job_ids: int, queue: str | None = None) -> None:
        self.client.delete_jobs(job_ids)
        if queue is not None:
            wait_for(lambda: self._is_deleted(queue), "the end of the queue")

    def _is_deleted(self, queue: str) -> bool:
        with contextlib.suppress(ApiError):  # its jobs are still being cancelled
            self.client.delete_queue(queue)
            return True
        return False


@pytest.fixture
def site(served: Served, tmp_path: Path) -> Iterator[Site]:
    with contextlib.ExitStack() as clients:
        key = ("keys", "create", "--project", f"clusters_{uuid.uuid4().hex[:8]}", "--user", "jo")
        yield Site(served, tmp_path, lambda: clients.enter_context(served.client(*key)))


# --- a cluster for each job ---


def units(engines: Path) -> dict[str, dict[str, Any]]:
    """Give what is remembered of the clusters of single runs."""
    return {unit.parent.name: json.loads(unit.read_bytes()) for unit in engines.glob("*/unit.json")}


def queue_with_own_clusters(site: Site, name: str) -> Path:
    """Make it, and give the folder of its clusters."""
    site.client.create_queue(name, 16, penstock={"isolation": "job"})
    return site.served.data_dir / "engines" / f"queue-{site.client.show_queue(name)['queue_id']}"


@pytest.mark.covers("E9")
@pytest.mark.covers("E28")
@pytest.mark.covers("E29")
@pytest.mark.covers("E35")
def test_a_job_has_a_cluster_of_its_own_and_its_size_that_is_gone_after_it(site: Site) -> None:
    engines = queue_with_own_clusters(site, "apart")
    job_id = site.copying("apart", queue_name="apart", **RESTARTING, **APART)
    first = site.run_id(job_id)
    unit = units(engines)[first]
    assert sizes_of(unit) == ("-Xmx1216m", [(1, "-Xmx920m")] * 2)
    assert site.client.show_job(job_id)["job_config"]["real_cu_number"] == 3
    loggers = set(re.findall(r" DEBUG (\S+)\.[A-Z]", log_of(site, job_id, "jobmanager.log")))
    assert loggers == {"org.apache.flink.runtime.checkpoint"}
    assert log_of(site, job_id, "taskmanager-2.log")
    site.kill_and_start()
    assert site.goes_on_without_gap_or_repeat("apart")
    assert units(engines) == {first: unit}
    psutil.Process(unit["pids"][0]).kill()
    wait_for(lambda: site.client.show_job(job_id)["restart_times"] == 1, "the restart")
    assert site.goes_on_without_gap_or_repeat("apart")
    second = site.run_id(job_id)
    assert wait_for(lambda: units(engines).keys() == {second}, "the end of the first cluster")
    assert site.client.show_job(job_id)["status"] == "job_running"
    site.client.stop_jobs([job_id])
    until(site.client, job_id, "job_cancel_success")
    wait_for(lambda: not units(engines), "the end of the second cluster")
    assert not processes.find([f"-Dpenstock.engine={engines.name}/{second}"])
    assert {log.parent.name for log in engines.glob("logs/*/jobmanager.log")} == {first, second}
    site.delete(job_id, queue="apart")


@pytest.mark.covers("E17")
@pytest.mark.covers("E18")
@pytest.mark.covers("E32")
def test_a_program_has_its_jars_and_files_on_a_cluster_of_its_own_on_the_older_line(site: Site) -> None:
    engines, buckets = queue_with_own_clusters(site, "own"), site.served.data_dir / "buckets"
    parts = {
        "counter.jar": ("Counter", "Greeter", "Lines"),
        "greeting.jar": ("lib.Greeting",),
        "mark.jar": ("lib.Mark",),
    }
    counter, *others = [jars.put(buckets, f"obs://own/{name}", programs.some(*parts[name])) for name in parts]
    job_id = site.client.create_jar_job(
        name="own",
        queue_name="own",
        flink_version="1.20",
        entrypoint=counter,
        main_class="io.penstock.programs.Counter",
        entrypoint_args=f"'{site.folder}' 'so far'",
        dependency_jars=others,
        dependency_files=[jars.put(buckets, "obs://own/names.csv", b"Ann,Bo")],
        **CHECKPOINTS,
    )
    site.client.run_jobs([job_id])
    until(site.client, job_id, "job_running")
    assert units(engines)[site.run_id(job_id)]["flink_version"] == "1.20.5"
    wait_for(lambda: counted(site.folder), "the first lines")
    assert counted(site.folder)[0] == "[so far] 1!Ann"
    site.delete(job_id, queue="own")


def sizes_of(unit: dict[str, Any]) -> tuple[str, list[tuple[int, str]]]:
    """Give the heap of the JobManager, and slots and heap of each TaskManager."""
    heaps = [
        next(word for word in psutil.Process(pid).cmdline() if word.startswith("-Xmx")) for pid in unit["pids"]
    ]
    slots = [each["slotsNumber"] for each in of_flink(unit["rest_url"], "/taskmanagers")["taskmanagers"]]
    return heaps[0], list(zip(slots, heaps[1:], strict=True))


def log_of(site: Site, job_id: int, name: str) -> str:
    return str(site.client.read_log(job_id, name, limit=1024 * 1024)["content"])


# --- somebody else's cluster ---


@pytest.fixture
def far(engine_home: FlinkHome, tmp_path: Path) -> Iterator[str]:
    """The REST address of a session cluster with two TaskManagers that no service has started."""
    local = LocalCluster(engine_home, tmp_path / "far")
    yield local.start(replace(shapes.shared(2), taskmanagers=2)).rest_url
    local.stop()


@pytest.fixture
def wire(far: str) -> Iterator[Wire]:
    wire = Wire(int(far.rpartition(":")[2]))
    yield wire
    wire.close()


def of_flink(url: str, path: str) -> Any:
    return httpx.get(url + path, trust_env=False).json()


def free_slots(url: str) -> list[int]:
    with contextlib.suppress(httpx.TransportError):
        return [each["freeSlots"] for each in of_flink(url, "/taskmanagers").get("taskmanagers", [])]
    return []


def test_jobs_on_somebody_elses_cluster_outlive_the_service_and_are_true_again_when_it_is_back(
    site: Site, far: str, wire: Wire
) -> None:
    site.client.create_queue("far", 16, penstock={"rest_url": f"http://127.0.0.1:{wire.port}"})
    wait_for(lambda: free_slots(far) == [2, 2], "both TaskManagers")
    names = ("one", "two")
    ids = {name: site.copying(name, queue_name="far", parallel_number=2) for name in names}
    assert free_slots(far) == [0, 0]
    runs = {site.run_id(job_id) for job_id in ids.values()}
    site.kill_and_start()
    assert site.goes_on_without_gap_or_repeat(*names)
    wire.cut()
    wait_for(lambda: all("has not answered" in job["status_desc"] for job in site.rows()), "the news")
    cut = site.rows()
    assert {job["status"] for job in cut} == {"job_running"}
    assert all(job["status_desc"].startswith("last known; its cluster has not answered since ") for job in cut)
    wire.join()
    wait_for(lambda: {job["status_desc"] for job in site.rows()} == {""}, "the truth")
    assert {job["jid"] for job in of_flink(far, "/jobs/overview")["jobs"]} == runs
    assert site.goes_on_without_gap_or_repeat(*names)
    site.delete(*ids.values(), queue="far")


# --- a cluster that is recycled ---


def test_a_cluster_is_recycled_without_losing_a_job_or_counting_a_restart(site: Site) -> None:
    ids = {name: site.copying(name, **fields) for name, fields in (("plain", {}), ("restarting", RESTARTING))}
    pids = site.served.flink_unit["pids"]
    site.served.stop()
    site.served.start("--recycle-at-metaspace-percent", "1")
    shown: list[dict[str, Any]] = []

    def is_recycled() -> bool:
        shown.extend(site.client.show_job(job_id) for job_id in ids.values())
        return not set(site.served.flink_unit["pids"]) & set(pids)

    wait_for(is_recycled, "the recycling")
    assert site.goes_on_without_gap_or_repeat(*ids)
    shown += [site.client.show_job(job_id) for job_id in ids.values()]
    assert {(job["status"], job["restart_times"]) for job in shown} == {("job_running", 0)}
    site.delete(*ids.values())
    site.served.stop()
    site.served.start()
