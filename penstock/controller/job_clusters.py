"""A cluster for each run of a queue: started for it, and gone after it."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from penstock.controller.capacity import Taken
from penstock.controller.job_cluster import OWN, JobCluster
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
from penstock.flink.buckets import Buckets
from penstock.flink.bundles import Bundles
from penstock.flink.fleet import Fleet

log = logging.getLogger(__name__)

_TEND_S = 1.0
_RETRY_S = 15.0
_AT_ONCE = 8
_LOOK_S = 2.0
"""How long the other runs wait for one whose cluster is slow to answer."""
_STOP_PATIENCE_S = 30.0


@dataclass
class _Asked:
    """A look at one run that is on its way, or has ended."""

    future: Future[Overview | Sighting]
    sent_at: int

    def answer(self) -> Overview | Sighting:
        if not self.future.done():
            return Unreachable("its Flink cluster is slow to answer", self.sent_at)
        error = self.future.exception()
        return Unreachable(f"it cannot be looked at: {error}") if error else self.future.result()


@dataclass
class JobClusters:
    """An `Engine` over the clusters of a queue's runs."""

    prepare: Callable[[], Fleet]
    """Makes the fleet; it may install Flink first."""
    buckets: Buckets
    now_ms: Callable[[], int]
    on_ready: Callable[[], None]
    runs_of_rows: Callable[[], Collection[str]]
    """Reads the runs that jobs have: a row has its run before that has a cluster."""
    bundles: Bundles | None = None
    _fleet: Fleet | None = None
    _since: int = 0
    _not_ready: str | None = "Flink is being prepared"
    _clusters: dict[str, JobCluster] = field(default_factory=dict)
    _asked: dict[str, _Asked] = field(default_factory=dict)
    _hosts: dict[str, str] = field(default_factory=dict)
    """By stranger, the run on whose cluster it was last seen."""
    _watched: frozenset[str] = frozenset()
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2 * _AT_ONCE, "job-clusters"))

    def start(self) -> None:
        self._since = self.now_ms()
        self._thread = threading.Thread(target=self._run, name="job-clusters", daemon=True)
        self._thread.start()

    def stop(self, *, end: bool) -> None:
        """Stop tending the clusters; they go on unless they are to end too."""
        self._stopping.set()
        if not end:
            return
        self._thread.join(_STOP_PATIENCE_S)  # it may be in the middle of a download
        if self._fleet is not None:
            self._fleet.stop()

    def readiness(self) -> str | None:
        return self._not_ready

    def slots(self) -> int:
        """Each job brings its own."""
        return 0

    def taken(self) -> Taken:
        return Taken()

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        if self._fleet is None:
            return Unreachable(self._not_ready or "", self._since)
        self._watched = frozenset(each.run_id for each in watched)
        sent_at = self.now_ms()
        self._asked = {each.run_id: self._ask(each, sent_at) for each in watched}
        futures.wait([each.future for each in self._asked.values()], timeout=_LOOK_S)
        return self._merged({run_id: asked.answer() for run_id, asked in self._asked.items()}, sent_at)

    def perform(self, action: Action) -> None:
        if isinstance(action, Submit):
            run = action.job.run
            assert run is not None
            self._cluster_of(run.id).submit(action)
            return
        host = self._clusters.get(self._hosts.get(action.run_id, action.run_id))
        if host is not None:
            host.perform(action)

    def _ask(self, watched: Watched, sent_at: int) -> _Asked:
        """Look at a run, unless the last look at it has not ended yet."""
        before = self._asked.get(watched.run_id)
        if before is not None and not before.future.done():
            return before
        cluster = self._cluster_of(watched.run_id)
        return _Asked(self._pool.submit(cluster.look, watched, sent_at, self._since), sent_at)

    def _merged(self, answers: Mapping[str, Overview | Sighting], sent_at: int) -> Overview:
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
        return Overview(sent_at, self._since, OWN, runs, strangers)

    def _cluster_of(self, run_id: str) -> JobCluster:
        with self._lock:
            if self._fleet is None:
                raise EngineUnavailable(self._not_ready)
            if run_id not in self._clusters:
                cluster = self._fleet.cluster(run_id)
                self._clusters[run_id] = JobCluster(cluster, self.buckets, self.now_ms, self.bundles)
            return self._clusters[run_id]

    # --- tending ---

    def _run(self) -> None:
        pause = 0.0
        with self._pool:
            while not self._stopping.wait(pause):
                pause = _TEND_S
                try:
                    self._tend(self._prepared())
                except Exception:  # whatever it is (no network, a database that is away), it may pass
                    log.exception("the clusters of jobs could not be tended; trying again in %d s", _RETRY_S)
                    pause = _RETRY_S
        for cluster in tuple(self._clusters.values()):
            cluster.close()

    def _prepared(self) -> Fleet:
        if self._fleet is None:
            self._fleet = self.prepare()
            self._since = self.now_ms()
            self._not_ready = None
            self.on_ready()
        return self._fleet

    def _tend(self, fleet: Fleet) -> None:
        tended = [self._pool.submit(cluster.tend) for cluster in tuple(self._clusters.values())]
        self._sweep(fleet)
        for each in tended:
            each.result()

    def _sweep(self, fleet: Fleet) -> None:
        """End the clusters of runs that no row has any more; what is listed first was in a row before."""
        there = (fleet.run_ids() | frozenset(tuple(self._clusters))) - self._watched
        if not there:
            return
        left = there - set(self.runs_of_rows())
        list(self._pool.map(partial(self._retire, fleet), left))
        if left:
            fleet.prune_logs()

    def _retire(self, fleet: Fleet, run_id: str) -> None:
        with self._lock:
            cluster = self._clusters.pop(run_id, None)
        if cluster is not None:
            cluster.close()
        fleet.retire(run_id)
        log.info("the Flink cluster of run %s is no more", run_id)
