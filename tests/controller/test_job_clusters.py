"""Clusters of single runs: found again by another process, ended when nobody needs them."""

import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from penstock.controller.homes import Homes
from penstock.controller.job_clusters import JobClusters
from penstock.domain import lines
from penstock.domain.engine import (
    Absent,
    Alive,
    Cancel,
    EngineUnavailable,
    Gone,
    Overview,
    Sighting,
    Submit,
    Watched,
)
from penstock.domain.job import Job
from penstock.flink import cluster, processes
from penstock.flink.buckets import Buckets
from penstock.flink.cluster import LocalCluster
from penstock.flink.distribution import FlinkHome
from penstock.flink.engine import Engines
from penstock.flink.fleet import Fleet
from tests.conftest import now_ms
from tests.controller.test_clusters import wait
from tests.domain import cases

pytestmark = pytest.mark.flink

ENDLESS = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
CREATE TABLE sink (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT n FROM numbers;
"""


@dataclass
class Site:
    """A data directory, and the runs that rows have."""

    homes: dict[str, FlinkHome]
    data_dir: Path
    runs: set[str] = field(default_factory=set)
    keepers: list[JobClusters] = field(default_factory=list)

    def keep(self) -> JobClusters:
        """Keep the clusters, as another process of the service would."""
        buckets = Buckets(self.data_dir / "buckets")
        homes = Homes(self.homes.__getitem__, lambda: None)
        keeper = JobClusters(self.fleet, homes, lines.DEFAULT, Engines(buckets, now_ms), lambda: self.runs)
        self.keepers.append(keeper)
        keeper.start()
        wait(lambda: keeper.readiness() is None)
        return keeper

    @property
    def fleet(self) -> Fleet:
        return Fleet(self.data_dir, "queue-7")

    def of(self, run_id: str) -> LocalCluster:
        local = self.fleet.cluster(run_id)
        local.adopt()
        return local

    def job(self, **config: Any) -> Job:
        """Make a job with a run that its row has."""
        run_id = uuid.uuid4().hex
        self.runs.add(run_id)
        job = replace(cases.SUBMITTED, sql=ENDLESS, config=cases.flags(**config))
        return cases.with_run(job, id=run_id)


@pytest.fixture
def site(engine_home: FlinkHome, older_home: FlinkHome, tmp_path: Path) -> Iterator[Site]:
    site = Site({"2.3": engine_home, "1.20": older_home}, tmp_path)
    yield site
    for keeper in site.keepers:
        keeper.stop(end=True)
    assert cluster.stop_all(tmp_path) == 0


def sighting(keeper: JobClusters, job: Job) -> Sighting:
    assert job.run is not None
    seen = keeper.look([Watched(job.run.id)])
    assert isinstance(seen, Overview)
    return seen.runs[job.run.id]


def strangers(keeper: JobClusters, job: Job) -> Collection[str]:
    """Name what else lives on the cluster of the job's run."""
    assert job.run is not None
    seen = keeper.look([Watched(job.run.id)])
    return seen.strangers if isinstance(seen, Overview) else ()


def is_running(keeper: JobClusters, job: Job) -> bool:
    seen = sighting(keeper, job)
    return isinstance(seen, Alive) and seen.all_running


def marks(data_dir: Path) -> Callable[[], list[psutil.Process]]:
    return lambda: processes.find([processes.data_dir_mark(data_dir)])


def test_a_run_gets_a_cluster_of_its_size_and_line_which_the_next_service_finds_and_never_starts_anew(
    site: Site,
) -> None:
    first, job = site.keep(), site.job(parallelism=3, flink_version="1.15")
    wait(lambda: first.offer(job).closed is None)
    assert job.run is not None
    assert isinstance(sighting(first, job), Absent)
    first.perform(Submit(job))
    wait(lambda: is_running(first, job))
    local = site.of(job.run.id)
    assert local.unit is not None
    assert (local.unit.slots, local.unit.flink_version) == (3, "1.20.5")
    first.stop(end=False)
    second = site.keep()
    wait(lambda: is_running(second, job))
    psutil.Process(local.unit.pids[0]).kill()
    wait(lambda: isinstance(sighting(second, job), Gone))
    assert not marks(site.data_dir)()
    with pytest.raises(EngineUnavailable, match="its Flink cluster has died"):
        second.perform(Submit(job))
    seen = sighting(site.keep(), job)
    assert not isinstance(seen, Absent | Alive)


def test_a_stranger_on_the_cluster_of_a_run_can_be_ended(site: Site) -> None:
    keeper, job = site.keep(), site.job(parallelism=1)
    assert job.run is not None
    keeper.perform(Submit(job))
    wait(lambda: is_running(keeper, job))
    unit, stranger = site.of(job.run.id).unit, cases.with_run(job, id=uuid.uuid4().hex)
    assert unit is not None
    assert stranger.run is not None
    outside = Engines(Buckets(site.data_dir / "buckets"), now_ms).at(unit.rest_url)
    outside.perform(Submit(stranger))
    outside.close()
    wait(lambda: stranger.run.id in strangers(keeper, job))
    keeper.perform(Cancel(stranger.run.id))
    wait(lambda: not strangers(keeper, job))
    assert is_running(keeper, job)


def test_a_cluster_that_no_row_has_a_run_for_is_ended_and_its_folder_removed(site: Site) -> None:
    forgotten = uuid.uuid4().hex
    site.fleet.cluster(forgotten, site.homes["2.3"]).start()
    site.keep()
    wait(lambda: not site.fleet.run_ids())
    assert not marks(site.data_dir)()


def test_clusters_that_the_service_has_ended_itself_are_no_failure_of_their_jobs(site: Site) -> None:
    first, job = site.keep(), site.job()
    assert job.run is not None
    site.fleet.cluster(job.run.id, site.homes["2.3"]).start()
    first.stop(end=True)
    second = site.keep()
    wait(lambda: isinstance(sighting(second, job), Gone))
    seen = sighting(second, job)
    assert isinstance(seen, Gone)
    assert seen.planned
