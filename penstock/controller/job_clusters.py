"""A cluster for each run of a queue: started for it, and gone after it."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from penstock.controller.capacity import Offer
from penstock.controller.homes import Homes
from penstock.controller.job_cluster import OWN, JobCluster
from penstock.controller.looks import Looks, Seen
from penstock.domain import lines
from penstock.domain.engine import (
    Action,
    EngineUnavailable,
    Overview,
    Sighting,
    Stranger,
    Submit,
    Unreachable,
    Watched,
)
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job
from penstock.flink.cluster import LocalCluster
from penstock.flink.engine import Engines
from penstock.flink.fleet import Fleet

log = logging.getLogger(__name__)

_TEND_S = 1.0
_RETRY_S = 15.0
_AT_ONCE = 8
_STOP_PATIENCE_S = 30.0


@dataclass
class JobClusters:
    """An `Engine` over the clusters of a queue's runs."""

    fleet: Fleet
    homes: Homes
    """What they are started from."""
    default_line: str
    engines: Engines
    runs_of_rows: Callable[[], Collection[str]]
    """Reads the runs that jobs have: a row has its run before that has a cluster."""
    _since: int = 0
    _clusters: dict[str, JobCluster] = field(default_factory=dict)
    _hosts: dict[str, str] = field(default_factory=dict)
    """By stranger, the run on whose cluster it was last seen."""
    _watched: frozenset[str] = frozenset()
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2 * _AT_ONCE, "job-clusters"))

    def __post_init__(self) -> None:
        self._looks = Looks(self._pool)

    def start(self) -> None:
        self._since = self.engines.now_ms()
        self.homes.lacks(self.default_line)  # so that it is there when the first job comes
        self._thread = threading.Thread(target=self._run, name="job-clusters", daemon=True)
        self._thread.start()

    def stop(self, *, end: bool) -> None:
        """Stop tending the clusters; they go on unless they are to end too."""
        self._stopping.set()
        self.homes.stop()
        if not end:
            return
        self._thread.join(_STOP_PATIENCE_S)
        self.fleet.stop()

    def readiness(self) -> str | None:
        return self.homes.lacks(self.default_line)

    def offer(self, job: Job) -> Offer:
        line = self._line_of(job)
        return Offer(line, OWN, closed=self.homes.lacks(line))

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        self._watched = frozenset(each.run_id for each in watched)
        sent_at = self.engines.now_ms()
        looks = {each.run_id: partial(self._look, each, sent_at) for each in watched}
        return self._merged(self._looks.take(looks, sent_at), sent_at)

    def perform(self, action: Action) -> None:
        if isinstance(action, Submit):
            run = action.job.run
            assert run is not None
            self._cluster_of(run.id).submit(action)
            return
        host = self._clusters.get(self._hosts.get(action.run_id, action.run_id))
        if host is not None:
            host.perform(action)

    def plan(self, job: Job) -> Graph:
        raise EngineUnavailable("each run has a cluster of its own there, so none is there to plan")

    def figures(self, run_id: str) -> Figures:
        host = self._clusters.get(run_id)
        if host is None:
            raise EngineUnavailable("its cluster is no more")
        return host.figures(run_id)

    def _look(self, watched: Watched, sent_at: int) -> Seen:
        return self._cluster_of(watched.run_id).look(watched, sent_at, self._since)

    def _merged(self, answers: Mapping[str, Seen], sent_at: int) -> Overview:
        runs: dict[str, Sighting] = {}
        strangers: dict[str, Stranger] = {}
        hosts: dict[str, str] = {}
        for run_id, answer in answers.items():
            if isinstance(answer, Overview):
                runs[run_id] = answer.runs[run_id]
                strangers.update(answer.strangers)
                hosts.update(dict.fromkeys(answer.strangers, run_id))
            else:
                runs[run_id] = answer
        self._hosts = hosts
        is_whole = not any(isinstance(seen, Unreachable) for seen in answers.values())
        return Overview(sent_at, self._since, OWN, runs, strangers, is_whole)

    def _cluster_of(self, run_id: str) -> JobCluster:
        with self._lock:
            if run_id not in self._clusters:
                cluster, make = self.fleet.cluster(run_id), partial(self._made_for, run_id)
                self._clusters[run_id] = JobCluster(cluster, make, self.engines)
            return self._clusters[run_id]

    def _made_for(self, run_id: str, job: Job) -> LocalCluster:
        home = self.homes.get(self._line_of(job))
        return self.fleet.cluster(run_id, home)

    def _line_of(self, job: Job) -> str:
        return lines.line_of(job.config.flink_version, self.default_line)

    # --- tending ---

    def _run(self) -> None:
        pause = 0.0
        with self._pool:
            while not self._stopping.wait(pause):
                pause = _TEND_S
                try:
                    self._tend()
                except Exception:  # whatever it is (no network, a database that is away), it may pass
                    log.exception("the clusters of jobs could not be tended; trying again in %d s", _RETRY_S)
                    pause = _RETRY_S
        for cluster in tuple(self._clusters.values()):
            cluster.close()

    def _tend(self) -> None:
        tended = [self._pool.submit(cluster.tend) for cluster in tuple(self._clusters.values())]
        self._sweep()
        for each in tended:
            each.result()

    def _sweep(self) -> None:
        """End the clusters of runs that no row has any more; what is listed first was in a row before."""
        there = (self.fleet.run_ids() | frozenset(tuple(self._clusters))) - self._watched
        if not there:
            return
        left = there - set(self.runs_of_rows())
        list(self._pool.map(self._retire, left))
        if left:
            self.fleet.prune_logs()

    def _retire(self, run_id: str) -> None:
        with self._lock:
            cluster = self._clusters.pop(run_id, None)
        if cluster is not None:
            cluster.close()
        self.fleet.retire(run_id)
        log.info("the Flink cluster of run %s is no more", run_id)
