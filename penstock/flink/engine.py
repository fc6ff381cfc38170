"""Flink as an engine: one overview a look, and acts that are safe to repeat.

Addresses that come in and go out are `obs://` ones; no path of the host leaves this module.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from penstock.domain.engine import (
    Absent,
    Action,
    Cancel,
    EngineUnavailable,
    Overview,
    Refused,
    Sighting,
    StopWithSavepoint,
    Stranger,
    Submit,
    TriggerSavepoint,
    Unreachable,
    Watched,
)
from penstock.domain.errors import Invalid
from penstock.domain.graph import Figures, Graph
from penstock.domain.job import Job, Run
from penstock.flink import config, failures, figures, graphs, remains, runner
from penstock.flink.answers import JobRow
from penstock.flink.buckets import BucketFailure, Buckets, UnknownBucket
from penstock.flink.bundles import Bundles, Program
from penstock.flink.closeup import Closeup
from penstock.flink.cluster import LocalCluster
from penstock.flink.rest import FlinkRest, RestError, RestUnavailable
from penstock.flink.uploads import Uploads

_NOTHING_LEFT = (404, 409)
"""There is no such job, or it has ended: an act on it has nothing left to do."""

_TERMINAL = frozenset({"FINISHED", "FAILED", "CANCELED"})
_Told = TypeVar("_Told")
_NO_S3 = "its state lies on a server, and this Flink has no file system implementation for scheme 's3'"
_WARMING = """\
CREATE TABLE warm_source (k INT, v AS PROCTIME()) WITH ('connector' = 'datagen');
CREATE TABLE warm_sink (k INT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO warm_sink SELECT k, COUNT(*) FROM warm_source GROUP BY k;
"""


@dataclass(frozen=True)
class Engines:
    """Makes the engines of clusters, which all reach the same buckets; there are no packages without `bundles`."""

    buckets: Buckets
    now_ms: Callable[[], int]
    bundles: Bundles | None = None

    def at(self, rest_url: str) -> "FlinkEngine":
        """Give that of a cluster that others start."""
        return FlinkEngine(rest_url, self)

    def of(self, cluster: LocalCluster, incarnation: str) -> "FlinkEngine":
        """Give that of a cluster of ours, which was started."""
        assert cluster.unit is not None
        return FlinkEngine(cluster.unit.rest_url, self, incarnation, cluster.advised, has_s3=cluster.has_s3)


class FlinkEngine:
    """The `Engine` of one Flink cluster, from its start to its end: a restarted cluster gets a new one.

    `incarnation` tells the clusters that we start apart; one that others start has none. `advised` adds to why
    a job fails what the operator can do. `has_s3` says whether it has Flink's S3 file system, as far as is known.
    """

    def __init__(
        self,
        rest_url: str,
        engines: Engines,
        incarnation: str = "",
        advised: Callable[[str], str] = str,
        *,
        has_s3: bool = True,
    ) -> None:
        self._rest = FlinkRest(rest_url)
        self._buckets = engines.buckets
        self._now_ms = engines.now_ms
        self._bundles = engines.bundles or Bundles(engines.buckets)
        self._uploads = Uploads(self._rest)
        self._closeup = Closeup(self._rest, engines.buckets, advised)
        self.incarnation = incarnation
        self._advised = advised
        self._has_s3 = has_s3
        self._answering_since: int | None = None
        self._silent_since: int | None = None

    def close(self) -> None:
        self._rest.close()

    def readiness(self) -> str | None:
        """Say why no job can run now; None when one can."""
        try:
            resources = self._rest.resources()
            if resources.slots_total == 0:
                return "no TaskManager has registered yet"
        except (RestUnavailable, RestError) as error:
            return f"Flink does not answer: {self._reason(error)}"
        return None

    def warm(self) -> None:
        """Plan a small job, unless a real one was first, which need not wait for the planner's classes then."""
        if not self._uploads.has_runner:
            with contextlib.suppress(RestUnavailable, RestError):
                self._uploads.plan(Program(runner.JAR, runner.ENTRY_CLASS, [_WARMING]))

    def slots(self) -> tuple[int, int]:
        """Return the slots of the cluster, all and free; raises `EngineUnavailable`."""
        resources = self._told(self._rest.resources)
        return resources.slots_total, resources.slots_available

    def version(self) -> str:
        """Return the version of Flink that answers; raises `EngineUnavailable`."""
        return self._told(self._rest.version)

    def metaspace_percent(self) -> int:
        """Return how full the fullest metaspace of the cluster's processes is; raises `EngineUnavailable`."""
        return self._told(self._rest.metaspace_percent)

    def _told(self, ask: Callable[[], _Told]) -> _Told:
        try:
            return ask()
        except (RestUnavailable, RestError) as error:
            raise EngineUnavailable(self._reason(error)) from error

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        sent_at = self._now_ms()
        try:
            rows = {row.jid: row for row in self._rest.overview()}
            since = self._answering_since = self._answering_since or sent_at
            shown = self._closeup.observe(rows, watched, sent_at, since)
        except (RestUnavailable, RestError) as error:
            self._answering_since = None
            self._silent_since = self._silent_since or sent_at
            return Unreachable(self._reason(error), self._silent_since)
        self._silent_since = None
        runs: dict[str, Sighting] = {**shown}
        for each in watched:
            if each.run_id not in rows:
                runs[each.run_id] = self._absent(each, sent_at, since)
        return Overview(sent_at, since, self.incarnation, runs, self._strangers(rows.values(), runs))

    def _absent(self, watched: Watched, sent_at: int, since: int) -> Absent | Unreachable:
        try:
            left = remains.of(watched, self._buckets)
        except BucketFailure as error:  # what cannot be read must not count as lost
            return Unreachable(str(error))
        return Absent(sent_at, since, self.incarnation, left.checkpoint, left.savepoint)

    def perform(self, action: Action) -> None:
        try:
            self._act(action)
        except (Invalid, UnknownBucket) as error:
            raise Refused(str(error)) from error
        except BucketFailure as error:
            raise EngineUnavailable(str(error)) from error
        except RestUnavailable as error:
            raise EngineUnavailable(self._reason(error)) from error
        except RestError as error:
            if error.status not in _NOTHING_LEFT:
                raise EngineUnavailable(self._reason(error)) from error

    def _act(self, action: Action) -> None:
        match action:
            case Submit(job):
                self._submit(job)
            case Cancel(run_id):
                self._rest.cancel(run_id)
            case TriggerSavepoint():
                self._ask_savepoint(action, self._rest.trigger_savepoint)
            case StopWithSavepoint():
                self._ask_savepoint(action, self._rest.stop_with_savepoint)

    def _ask_savepoint(
        self, action: TriggerSavepoint | StopWithSavepoint, ask: Callable[[str, str, str], None]
    ) -> None:
        try:
            ask(action.run_id, self._reachable(self._buckets.uri(action.request.target)), action.request.trigger_id)
        except BucketFailure as error:
            raise Refused(str(error)) from error
        except RestError as error:
            if error.status >= 500 or error.status in _NOTHING_LEFT:
                raise
            raise Refused(self._reason(error)) from error

    def _submit(self, job: Job) -> None:
        if job.run is None:
            raise ValueError(f"job {job.id} has no run to submit")
        body = self._submission(job, job.run)
        with self._bundles.program(job) as program:
            for place in program.script.places:
                self._reachable(place)
            try:
                self._uploads.run(program, body)
            except RestError as error:
                text = self._buckets.scrub(error.text)
                refused = runner.refusal(text) or failures.permanent(text)
                if refused is not None:  # asked first, as it may quote a script that speaks of duplicates
                    raise Refused(self._advised(program.script.told(refused)), told=text) from error
                if not failures.is_duplicate(text):
                    raise EngineUnavailable(self._reason(error), told=text) from error

    def plan(self, job: Job) -> Graph:
        """Let Flink plan the script of a job without running it; raises `Refused` or `EngineUnavailable`."""
        try:
            settings = config.flink_configuration(job, self._buckets.of_project(job.project_id))
            with self._bundles.program(job) as program:
                drawn = replace(program, arguments=[*program.arguments, runner.DRAW])
                return self._drawn(drawn, {"flinkConfiguration": settings})
        except Invalid as error:
            raise Refused(str(error)) from error
        except BucketFailure as error:
            raise EngineUnavailable(str(error)) from error
        except RestUnavailable as error:
            raise EngineUnavailable(self._reason(error)) from error

    def _drawn(self, program: Program, body: dict[str, object]) -> Graph:
        try:
            return graphs.graph_of(self._uploads.plan(program, body))
        except RestError as error:
            text = self._buckets.scrub(error.text)
            refused = runner.refusal(text) or failures.permanent(text)
            if refused is None:
                raise EngineUnavailable(self._reason(error)) from error
            raise Refused(self._advised(program.script.told(refused))) from error

    def figures(self, run_id: str) -> Figures:
        """Tell what flows through a run; raises `EngineUnavailable`."""
        return self._told(lambda: figures.of(self._rest, run_id))

    def _submission(self, job: Job, run: Run) -> dict[str, object]:
        buckets = self._buckets.of_project(job.project_id)
        settings = config.flink_configuration(job, buckets)
        for key in config.PLACES:
            self._reachable(settings[key])
        state = buckets.state_at(run.resume_from) if run.resume_from else None
        if run.resume_from and state is None:
            raise Refused(f"there is no complete savepoint or checkpoint at {run.resume_from}", state_missing=True)
        body: dict[str, object] = {"jobId": run.id, "flinkConfiguration": settings}
        if state is not None:
            body |= {"savepointPath": self._reachable(buckets.uri(state)), "allowNonRestoredState": False}
        return body

    def _reachable(self, uri: str) -> str:
        if uri.startswith("s3:") and not self._has_s3:
            raise Refused(self._advised(_NO_S3))
        return uri

    def _strangers(self, rows: Iterable[JobRow], ours: Collection[str]) -> dict[str, Stranger]:
        return {
            row.jid: Stranger(row.jid, self._buckets.scrub(row.name), row.state, row.start_time, self.incarnation)
            for row in rows
            if row.state not in _TERMINAL and row.jid not in ours
        }

    def _reason(self, error: RestUnavailable | RestError) -> str:
        return failures.root_cause(self._buckets.scrub(str(error)))
