"""A cluster of ours that is kept up, by one process or by two that do not know of each other."""

import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from penstock.controller.clusters import EmbeddedCluster, Upkeep
from penstock.controller.vigil import Limits
from penstock.controller.wear import Tolerance
from penstock.domain.engine import Gone, Overview, Sighting, Watched
from penstock.flink import cluster, connectors, processes
from penstock.flink.buckets import Buckets
from penstock.flink.cluster import LocalCluster, Unit
from penstock.flink.distribution import FlinkHome
from penstock.flink.engine import Engines
from penstock.flink.maven import Artifact
from tests.conftest import now_ms

pytestmark = pytest.mark.flink

FULL_AT_ONCE = Tolerance(metaspace_percent=1, measure_s=0, pause_s=0)


@dataclass
class Site:
    """A data directory, and those who keep its cluster up."""

    home: FlinkHome
    data_dir: Path
    keepers: list[EmbeddedCluster] = field(default_factory=list)

    def keep(self, **upkeep: Any) -> EmbeddedCluster:
        """Keep the cluster up, as a process of its own would."""
        buckets = Buckets(self.data_dir / "buckets")
        keeper = EmbeddedCluster(self.local, Engines(buckets, now_ms), lambda: None, Upkeep(**upkeep))
        self.keepers.append(keeper)
        keeper.start()
        return keeper

    def local(self) -> LocalCluster:
        return LocalCluster(self.home, self.data_dir, slots=2)

    @property
    def unit(self) -> Unit:
        local = self.local()
        local.adopt()
        assert local.unit is not None
        return local.unit

    @property
    def living(self) -> set[int]:
        return {process.pid for process in processes.find([processes.data_dir_mark(self.data_dir)])}


@pytest.fixture
def site(engine_home: FlinkHome, tmp_path: Path) -> Iterator[Site]:
    site = Site(engine_home, tmp_path)
    yield site
    for keeper in site.keepers:
        keeper.stop(end=True)
    assert cluster.stop_all(tmp_path) == 0


def wait(condition: Callable[[], object], patience_s: float = 90) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_ready(keeper: EmbeddedCluster) -> bool:
    return keeper.readiness() is None


def incarnation(keeper: EmbeddedCluster) -> str | None:
    seen = keeper.look([])
    return seen.cluster if isinstance(seen, Overview) else None


def sighting(keeper: EmbeddedCluster, cluster: str) -> Sighting | None:
    """Say what is seen of a run that was sent to this cluster."""
    seen = keeper.look([Watched("f" * 32, cluster=cluster)])
    return seen.runs["f" * 32] if isinstance(seen, Overview) else None


def test_two_who_keep_one_cluster_up_start_it_once_each_time_it_dies(site: Site) -> None:
    first, second = site.keep(), site.keep()
    wait(lambda: is_ready(first) and is_ready(second))
    died = site.unit
    assert site.living == set(died.pids)
    psutil.Process(died.pids[0]).kill()
    wait(lambda: incarnation(first) not in (None, died.incarnation))
    wait(lambda: incarnation(first) == incarnation(second) == site.unit.incarnation)
    wait(lambda: is_ready(first) and is_ready(second))
    assert site.living == set(site.unit.pids)
    seen = sighting(first, died.incarnation)
    assert isinstance(seen, Gone)
    assert (seen.planned, seen.reason) == (False, "its Flink cluster has died")


@pytest.mark.parametrize("role", [0, 1], ids=["JobManager", "TaskManager"])
def test_a_cluster_one_of_whose_processes_hangs_is_ended_and_started_anew(site: Site, role: int) -> None:
    keeper = site.keep(limits=Limits(silent_s=2, alone_s=2))
    wait(lambda: is_ready(keeper))
    hanging = site.unit
    os.kill(hanging.pids[role], signal.SIGSTOP)
    wait(lambda: incarnation(keeper) not in (None, hanging.incarnation))
    wait(lambda: is_ready(keeper))
    assert site.living == set(site.unit.pids)
    seen = sighting(keeper, hanging.incarnation)
    assert isinstance(seen, Gone)
    assert not seen.planned


def test_a_keeper_that_is_stopped_while_flink_is_being_installed_starts_none(site: Site) -> None:
    asked, installed = threading.Event(), threading.Event()

    def prepare() -> LocalCluster:
        asked.set()
        assert installed.wait(60)
        return site.local()

    earlier = set(threading.enumerate())
    keeper = EmbeddedCluster(prepare, Engines(Buckets(site.data_dir / "buckets"), now_ms), lambda: None)
    keeper.start()
    assert asked.wait(60)
    keeper.stop(end=False)
    installed.set()
    wait(lambda: set(threading.enumerate()) <= earlier)
    assert site.living == set()


def test_a_cluster_is_not_recycled_while_a_job_would_lose_its_state_and_is_as_soon_as_none_would(
    site: Site,
) -> None:
    stuck, tries = [7], []

    def move_off(incarnation: str) -> int:
        tries.append(incarnation)
        return 0

    keeper = site.keep(
        tolerance=replace(FULL_AT_ONCE, pause_s=3600), move_off=move_off, would_lose=lambda _: list(stuck)
    )
    wait(lambda: is_ready(keeper))
    full = site.unit
    keeper.stop(end=False)  # the next one finds a cluster that is not new
    keeper = site.keep(
        tolerance=replace(FULL_AT_ONCE, pause_s=3600), move_off=move_off, would_lose=lambda _: list(stuck)
    )
    wait(lambda: len(tries) == 1 and is_ready(keeper))
    assert incarnation(keeper) == full.incarnation
    stuck.clear()
    wait(lambda: incarnation(keeper) not in (None, full.incarnation))
    assert tries == [full.incarnation] * 2


def test_a_cluster_stays_open_while_a_job_can_not_even_be_asked_to_leave_it(site: Site) -> None:
    asked: list[str | None] = []

    def hindered_by(_incarnation: str) -> list[int]:
        asked.append(keeper.readiness())
        return [7] if len(asked) < 5 else []

    keeper = site.keep(tolerance=FULL_AT_ONCE, hindered_by=hindered_by)
    wait(lambda: len(asked) == 5)
    full = site.unit
    assert asked == [None] * 5
    wait(lambda: incarnation(keeper) not in (None, full.incarnation))


def test_a_cluster_is_recycled_when_other_connectors_are_installed(site: Site, tmp_path: Path) -> None:
    def bring(jar: Artifact, folder: Path) -> None:
        zipfile.ZipFile(folder / jar.file_name, "w").close()

    site.home = replace(site.home, cache=tmp_path / "cache")
    keeper = site.keep()
    wait(lambda: is_ready(keeper))
    before = site.unit
    connectors.add("kafka", "2.3", tmp_path / "cache", bring)
    wait(lambda: is_ready(keeper) and incarnation(keeper) not in (None, before.incarnation))
    assert site.unit.connectors == ("flink-sql-connector-kafka-5.0.0-2.2.jar",)
    seen = sighting(keeper, before.incarnation)
    assert isinstance(seen, Gone)
    assert seen.planned


def test_a_cluster_whose_metaspace_is_full_is_recycled_once_its_jobs_have_left(site: Site) -> None:
    asked: list[str] = []
    has_left = threading.Event()

    def move_off(incarnation: str) -> int:
        asked.append(incarnation)
        return 0 if has_left.is_set() else 1

    keeper = site.keep(tolerance=FULL_AT_ONCE, move_off=move_off)
    wait(lambda: len(asked) > 1)
    full = site.unit
    assert set(asked) == {full.incarnation}
    assert keeper.readiness() == "its Flink cluster is nearly out of metaspace and being recycled"
    assert incarnation(keeper) == full.incarnation
    has_left.set()
    wait(lambda: incarnation(keeper) not in (None, full.incarnation))
    wait(lambda: is_ready(keeper))
    seen = sighting(keeper, full.incarnation)
    assert isinstance(seen, Gone)
    assert (seen.planned, seen.reason) == (True, "its Flink cluster was ended by the service")
    assert site.living == set(site.unit.pids)
