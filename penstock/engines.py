"""Prepares what runs the jobs: the Flink of each line, and the clusters of each queue."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from penstock.controller.clusters import EmbeddedCluster, Upkeep
from penstock.controller.external import ExternalCluster
from penstock.controller.homes import Homes
from penstock.controller.job_clusters import JobClusters
from penstock.controller.keeper import Cluster
from penstock.controller.line_clusters import LineClusters
from penstock.controller.tenants import Tenants
from penstock.controller.wear import Tolerance
from penstock.domain import lines
from penstock.domain.queue import DEFAULT, Isolation, Queue
from penstock.flink import cluster, distribution, processes
from penstock.flink.cluster import LocalCluster
from penstock.flink.engine import Engines
from penstock.flink.fleet import Fleet
from penstock.settings import Settings
from penstock.store import queues
from penstock.store.database import Database

log = logging.getLogger(__name__)

_FIRST_LINE = "2.3"
"""Its clusters were there before those of others: their folders do not name it."""


@dataclass(frozen=True)
class Clusters:
    """Makes the clusters of queues, as the settings and each queue say."""

    settings: Settings
    progress: distribution.Progress
    database: Database
    engines: Engines
    new_id: Callable[[], str]

    @cached_property
    def default_line(self) -> str:
        return default_line(self.settings)

    def of(self, queue: Queue, on_ready: Callable[[], None]) -> Cluster:
        """Make what runs the jobs of a queue, and calls back whenever it has become ready."""
        if queue.rest_url is not None:
            return ExternalCluster(self.engines.at(queue.rest_url))
        now_ms = self.engines.now_ms
        tenants = Tenants(queue, self.database, now_ms, self.new_id)
        if queue.isolation is Isolation.JOB:
            fleet = Fleet(self.settings.data_dir, engine_name(queue), self._file_systems())
            return JobClusters(fleet, Homes(self._home, on_ready), self.default_line, self.engines, tenants.runs)
        upkeep = Upkeep(
            tolerance=Tolerance(self.settings.recycle_at_metaspace_percent),
            hindered_by=tenants.hindered_by,
            move_off=tenants.move_off,
            would_lose=tenants.would_lose,
        )

        def of_line(line: str) -> EmbeddedCluster:
            return EmbeddedCluster(partial(self._local, queue, line), self.engines, on_ready, upkeep, line)

        return LineClusters(of_line, partial(self._runs_already, queue), now_ms, self.default_line)

    def end_those_of_deleted_queues(self) -> None:
        """End what runs for queues that were deleted while nobody kept them."""
        data_dir = self.settings.data_dir
        found = cluster.folders(data_dir)  # first: every engine has its row before it has a folder
        with self.database.read() as tx:
            known = {engine_name(queue) for queue in queues.all_of_service(tx)}
        for folder in found - known:
            try:
                cluster.forget(data_dir, folder)
            except processes.StillRunning:
                log.exception("the engine of a queue that was deleted cannot be ended")

    def _local(self, queue: Queue, line: str) -> LocalCluster:
        name, file_systems = engine_name(queue, line), self._file_systems()
        return LocalCluster(self._home(line), self.settings.data_dir, name, queue.slots, file_systems=file_systems)

    def _runs_already(self, queue: Queue, line: str) -> bool:
        return cluster.is_running(self.settings.data_dir, engine_name(queue, line))

    def _home(self, line: str) -> distribution.FlinkHome:
        return prepare_flink(self.settings, self.progress, line)

    def _file_systems(self) -> dict[str, str]:
        return self.engines.buckets.flink_settings()


def engine_name(queue: Queue, line: str = _FIRST_LINE) -> str:
    """Name the folder of a queue's engine; names of queues can repeat in other projects, and hold anything."""
    of_queue = DEFAULT if queue.project_id is None else f"queue-{queue.id}"
    return of_queue if line == _FIRST_LINE else f"{of_queue}/{line}"


def default_line(settings: Settings) -> str:
    """Name the Flink line of jobs that name none: that of the user's own Flink, if the settings name one."""
    with contextlib.suppress(distribution.InstallFailed):  # then nothing can be started, and the log says why
        if settings.flink_home is not None:
            return lines.line_of_release(distribution.release_at(settings.flink_home))
    return lines.DEFAULT


def prepare_flink(
    settings: Settings, progress: distribution.Progress, line: str = lines.DEFAULT
) -> distribution.FlinkHome:
    """Give the Flink of a line: the one the settings name, or an installed one; raises `InstallFailed`."""
    home = settings.flink_home
    if home is None or lines.line_of_release(distribution.release_at(home)) != line:
        return distribution.install(lines.RELEASES[line], settings.cache_dir, progress)
    java = settings.java or distribution.install_java(settings.cache_dir, progress)
    return distribution.existing(home, java, settings.cache_dir)
