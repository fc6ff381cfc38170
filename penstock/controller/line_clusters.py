"""The clusters of a queue whose jobs share one: one for each Flink line that they ask for.

That of the default line is up all the time; another is started for the first job that needs it, and ended when none
has for a while.
"""

import contextlib
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from penstock.controller.capacity import Offer
from penstock.controller.keeper import Cluster
from penstock.controller.looks import Looks, Seen
from penstock.domain import lines
from penstock.domain.engine import (
    Action,
    EngineUnavailable,
    Overview,
    Sighting,
    Submit,
    Unreachable,
    Watched,
)
from penstock.domain.errors import Invalid
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job
from penstock.flink import processes

log = logging.getLogger(__name__)

_SLOW = Unreachable("its Flink cluster is slow to answer")
"""Of a run that the look which has just ended did not ask for."""
IDLE_MS = 600_000
"""How long a cluster waits for another job of its line; to start it takes 10 s, and 500 MB while it is there."""


@dataclass
class LineClusters:
    """An `Engine` over these clusters."""

    make: Callable[[str], Cluster]
    """Makes the cluster of a line."""
    runs_already: Callable[[str], bool]
    """Says whether an earlier service has left a cluster of this line running."""
    now_ms: Callable[[], int]
    default: str = lines.DEFAULT
    _clusters: dict[str, Cluster] = field(default_factory=dict)
    _needed_at: dict[str, int] = field(default_factory=dict)
    _asked_for: set[str] = field(default_factory=set)
    """The lines that plans were asked of since the last look, which starts and keeps their clusters."""
    _ending: dict[str, threading.Thread] = field(default_factory=dict)
    _hosts: Mapping[str, str] = field(default_factory=dict)
    """By run or stranger, the line on whose cluster the last look, or the one before, has looked for it."""
    _last_hosts: Mapping[str, str] = field(default_factory=dict)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(len(lines.RELEASES), "lines"))

    def __post_init__(self) -> None:
        self._looks = Looks(self._pool)

    def start(self) -> None:
        for line in lines.RELEASES:
            if line == self.default or self.runs_already(line):
                self._needed(line)

    def stop(self, *, end: bool) -> None:
        """Stop them all; raises what one of them has raised, `processes.StillRunning` if it cannot be ended."""
        self._pool.shutdown(wait=False)
        with contextlib.ExitStack() as stopping:  # all of them, whatever one of them raises
            for thread in self._ending.values():
                stopping.callback(thread.join)
            for cluster in self._clusters.values():
                stopping.callback(cluster.stop, end=end)

    def readiness(self) -> str | None:
        return self._clusters[self.default].readiness()

    def offer(self, job: Job) -> Offer:
        line = self._line_of_job(job)
        cluster = self._needed(line)
        if cluster is None:
            return Offer(line, closed=f"the last cluster of Flink {line} is being ended")
        return cluster.offer(job)

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        sent_at = self.now_ms()
        by_line: dict[str, list[Watched]] = defaultdict(list)
        for each in watched:
            by_line[self._line_of_run(each)].append(each)
        while self._asked_for:
            self._needed(self._asked_for.pop())
        for line in by_line:
            self._needed(line)
        if self._clusters.keys() | by_line.keys() == {self.default} and not self._looks.are_pending():
            return self._clusters[self.default].look(watched)
        looks = {line: partial(each.look, by_line[line]) for line, each in self._clusters.items()}
        seen = self._looks.take(looks, sent_at)
        self._note_hosts(by_line, seen)
        self._end_idle({line for line, each in seen.items() if isinstance(each, Overview)})
        return _merged(by_line, seen, sent_at)

    def perform(self, action: Action) -> None:
        if isinstance(action, Submit):
            line = self._line_of_job(action.job)
        else:
            line = self._hosts.get(action.run_id, self.default)
        cluster = self._clusters.get(line)
        if cluster is None:
            raise EngineUnavailable(f"there is no cluster of Flink {line}")
        cluster.perform(action)

    def plan(self, job: Job) -> Graph:
        line = lines.line_of(job.config.flink_version, self.default)
        cluster = self._clusters.get(line)
        self._asked_for.add(line)
        if cluster is None:
            raise EngineUnavailable(f"Flink {line} is being started")
        return cluster.plan(job)

    def figures(self, run_id: str) -> Figures:
        cluster = self._clusters.get(self._hosts.get(run_id, self.default))
        if cluster is None:
            raise EngineUnavailable("its cluster is no more")
        return cluster.figures(run_id)

    def _line_of_job(self, job: Job) -> str:
        return self._line_of(job.run.cluster if job.run else None, job.config.flink_version)

    def _line_of_run(self, watched: Watched) -> str:
        with contextlib.suppress(Invalid):
            return self._line_of(watched.cluster, watched.flink_version)
        return self.default  # no cluster can run it, and so it was never sent

    def _line_of(self, cluster: str | None, flink_version: str | None) -> str:
        """Give the line of the cluster that a run was sent to, whatever line the job would go to by now."""
        return lines.line_of_cluster(cluster) if cluster else lines.line_of(flink_version, self.default)

    def _note_hosts(self, by_line: Mapping[str, Collection[Watched]], seen: Mapping[str, Seen]) -> None:
        hosts = {each.run_id: line for line, watched in by_line.items() for each in watched}
        for line, each in seen.items():
            if isinstance(each, Overview) and each.strangers:
                hosts.update(dict.fromkeys(each.strangers, line))
                self._needed_at[line] = self.now_ms()  # what lives there may be somebody's
        self._hosts, self._last_hosts = {**self._last_hosts, **hosts}, hosts

    # --- as many as are needed ---

    def _needed(self, line: str) -> Cluster | None:
        """Give the cluster of a line, started now unless it is there; None while the last one is being ended."""
        self._needed_at[line] = self.now_ms()
        ending = self._ending.get(line)
        if line not in self._clusters and not (ending and ending.is_alive()):
            self._clusters[line] = self.make(line)
            self._clusters[line].start()
        return self._clusters.get(line)

    def _end_idle(self, answering: Collection[str]) -> None:
        """End those that have just shown that nothing lives there."""
        idle_since = self.now_ms() - IDLE_MS
        for line in (self._clusters.keys() & answering) - {self.default}:
            if self._needed_at[line] < idle_since:
                log.info("no job has needed Flink %s for %d s; ending its cluster", line, IDLE_MS // 1000)
                thread = threading.Thread(target=_end, args=[line, self._clusters.pop(line)], daemon=True)
                thread.start()
                self._ending[line] = thread


def _end(line: str, cluster: Cluster) -> None:
    try:
        cluster.stop(end=True)
    except processes.StillRunning:
        log.exception("the cluster of Flink %s cannot be ended", line)


def _merged(
    by_line: Mapping[str, Collection[Watched]], seen: Mapping[str, Seen], sent_at: int
) -> Overview | Unreachable:
    """Make one overview of those of several clusters; it is `Unreachable` only when none has answered."""
    overviews = [each for each in seen.values() if isinstance(each, Overview)]
    silent = [each for each in seen.values() if isinstance(each, Unreachable)]
    if not overviews:
        return max(silent, key=lambda each: each.since or sent_at)
    runs: dict[str, Sighting] = {}
    for line, watched in by_line.items():
        there = seen.get(line, Unreachable(f"the cluster of Flink {line} is being ended"))
        for each in watched:
            runs[each.run_id] = there.runs.get(each.run_id, _SLOW) if isinstance(there, Overview) else there
    strangers = {id: each for overview in overviews for id, each in overview.strangers.items()}
    since = max(each.answering_since for each in overviews)
    return Overview(sent_at, since, runs=runs, strangers=strangers, is_whole=not silent)
