"""The clusters of several Flink lines as one engine, over engines in memory."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from penstock.controller.capacity import Offer
from penstock.controller.line_clusters import IDLE_MS, LineClusters
from penstock.domain import lines
from penstock.domain.engine import Absent, Alive, Cancel, EngineUnavailable, Overview, Submit, Unreachable, Watched
from penstock.domain.job import Job
from penstock.flink import processes
from tests.controller.queues_world import PATIENCE_S, FakeCluster, wait_until
from tests.controller.world import Clock
from tests.domain import cases


class LineCluster(FakeCluster):
    """One whose incarnations bear their line, as those of ours do."""

    line = ""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__(now_ms, lambda: None)
        self.stops = threading.Event()
        self.stops.set()
        self.survives = False

    def stop(self, *, end: bool) -> None:
        assert self.stops.wait(PATIENCE_S)
        if end and self.survives:
            raise processes.StillRunning(f"the cluster of Flink {self.line} lives on")
        super().stop(end=end)

    def _new_cluster(self) -> str:
        return lines.incarnation(self.line, super()._new_cluster())


@dataclass
class Site:
    clock: Clock = field(default_factory=Clock)
    made: dict[str, list[LineCluster]] = field(default_factory=dict)
    left_running: set[str] = field(default_factory=set)
    default: str = "2.3"

    def started(self) -> LineClusters:
        def runs_already(line: str) -> bool:
            return line in self.left_running

        self.clusters = LineClusters(self._make, runs_already, self.clock, self.default)
        self.clusters.start()
        return self.clusters

    def _make(self, line: str) -> LineCluster:
        kind = type(f"Cluster of {line}", (LineCluster,), {"line": line})
        self.made.setdefault(line, []).append(kind(self.clock))
        return self.made[line][-1]

    def of(self, line: str) -> LineCluster:
        return self.made[line][-1]

    def submitted(self, version: str | None) -> Job:
        """Submit a job where it is offered a place."""
        job = asking(version)
        cluster = self.clusters.offer(job).cluster
        job = cases.with_run(replace(job, run=cases.SUBMITTED.run), id=uuid.uuid4().hex, cluster=cluster)
        self.clusters.perform(Submit(job))
        return job


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    for cluster in (each for line in site.made.values() for each in line):
        cluster.answer()
    site.clusters.stop(end=False)


def asking(version: str | None) -> Job:
    return cases.job(config=cases.flags(flink_version=version), sql="endless", run=None)


def watched(job: Job) -> Watched:
    assert job.run is not None
    return Watched(job.run.id, cluster=job.run.cluster, flink_version=job.config.flink_version)


def looked(clusters: LineClusters, *jobs: Job) -> Overview:
    seen = clusters.look([watched(job) for job in jobs])
    assert isinstance(seen, Overview)
    return seen


def test_at_first_there_is_only_a_cluster_of_the_default_line(site: Site) -> None:
    clusters = site.started()
    assert clusters.offer(asking(None)) == Offer(cluster="2.3/cluster-1", slots=8)
    assert isinstance(clusters.look([]), Overview)
    assert site.made.keys() == {"2.3"}


def test_a_script_is_planned_on_its_line_whose_cluster_is_started_for_it(site: Site) -> None:
    clusters = site.started()
    assert clusters.plan(asking(None)).job_id == "endless"
    with pytest.raises(EngineUnavailable, match=r"Flink 1\.20 is being started"):
        clusters.plan(asking("1.15"))
    looked(clusters)
    assert clusters.plan(asking("1.15")).job_id == "endless"


def test_a_job_brings_up_the_cluster_of_its_line_once(site: Site) -> None:
    clusters = site.started()
    assert [clusters.offer(asking(version)).cluster for version in ("1.15", "1.20")] == ["1.20/cluster-1"] * 2
    assert [len(made) for made in site.made.values()] == [1, 1]
    assert all(site.of(line).started for line in ("2.3", "1.20"))


def test_jobs_run_side_by_side_each_on_its_line_and_are_seen_together(site: Site) -> None:
    clusters = site.started()
    new, old = site.submitted(None), site.submitted("1.15")
    seen = looked(clusters, new, old)
    assert all(isinstance(seen.runs[job.run.id], Alive) for job in (new, old) if job.run)
    assert (set(site.of("2.3").runs), set(site.of("1.20").runs)) == ({run_id(new)}, {run_id(old)})
    assert (seen.strangers, seen.is_whole) == ({}, True)


def test_an_act_goes_to_the_cluster_on_which_its_run_was_seen(site: Site) -> None:
    clusters = site.started()
    old, stray = site.submitted("1.20"), site.submitted("1.20")
    looked(clusters, old)
    looked(clusters)  # the job is being acted on, so it is not looked at
    for job in (old, stray):
        clusters.perform(Cancel(run_id(job)))
    assert [each for each in site.of("1.20").performed if isinstance(each, Cancel)] == [
        Cancel(run_id(old)),
        Cancel(run_id(stray)),
    ]
    assert site.of("2.3").performed == []


def test_a_run_stays_on_its_cluster_although_jobs_like_it_go_elsewhere_by_now(site: Site) -> None:
    site.started()
    job = site.submitted(None)
    site.clusters.stop(end=False)
    site.left_running, site.default, earlier = {"2.3"}, "1.20", site.of("2.3")
    clusters = site.started()
    site.made["2.3"][-1].runs = earlier.runs
    assert clusters.offer(job).cluster == "2.3/cluster-1"
    assert clusters.offer(asking(None)).cluster == "1.20/cluster-1"
    assert isinstance(looked(clusters, job).runs[run_id(job)], Alive)


def test_while_one_cluster_is_away_the_jobs_of_the_others_are_seen(site: Site) -> None:
    clusters = site.started()
    new, old = site.submitted(None), site.submitted("1.20")
    site.of("1.20").away = "no route"
    seen = looked(clusters, new, old)
    assert isinstance(seen.runs[run_id(new)], Alive)
    assert isinstance(gone := seen.runs[run_id(old)], Unreachable)
    assert (gone.reason, seen.is_whole) == ("no route", False)
    site.of("2.3").away = "no route either"
    assert isinstance(clusters.look([watched(new), watched(old)]), Unreachable)


def test_a_cluster_that_hangs_holds_up_no_other_for_long(site: Site) -> None:
    clusters = site.started()
    new, old = site.submitted(None), site.submitted("1.20")
    site.of("1.20").hangs.set()
    for _ in range(2):
        seen = looked(clusters, new, old)
        assert isinstance(seen.runs[run_id(new)], Alive)
        assert isinstance(seen.runs[run_id(old)], Unreachable)
    late = site.submitted("1.20")
    site.of("1.20").answer()
    wait_until(lambda: isinstance(looked(clusters, new, old).runs[run_id(old)], Alive))
    assert not isinstance(looked(clusters, late).runs[run_id(late)], Absent)


def test_a_cluster_that_no_job_needs_is_ended_after_a_while_and_made_anew_when_one_does(site: Site) -> None:
    clusters = site.started()
    job = site.submitted("1.20")
    site.clock.now += IDLE_MS
    looked(clusters, job)
    assert site.of("1.20").stopped is None
    site.of("1.20").runs.clear()
    site.clock.now += IDLE_MS
    looked(clusters)
    wait_until(lambda: site.of("1.20").stopped == "ended")
    wait_until(lambda: clusters.offer(asking("1.20")).closed is None)
    assert len(site.made["1.20"]) == 2
    assert site.of("2.3").stopped is None


def test_while_a_cluster_is_being_ended_a_job_waits_for_the_next(site: Site) -> None:
    clusters = site.started()
    site.submitted("1.20")
    ending = site.of("1.20")
    ending.runs.clear()
    ending.stops.clear()
    site.clock.now += IDLE_MS
    looked(clusters)
    assert clusters.offer(asking("1.20")).closed == "the last cluster of Flink 1.20 is being ended"
    assert len(site.made["1.20"]) == 1
    ending.stops.set()
    wait_until(lambda: clusters.offer(asking("1.20")).closed is None)


def test_a_cluster_on_which_anything_lives_is_not_ended(site: Site) -> None:
    clusters = site.started()
    stray = site.submitted("1.20")
    for _ in range(3):
        site.clock.now += 2 * IDLE_MS  # the host slept
        assert run_id(stray) in looked(clusters).strangers
    assert site.of("1.20").stopped is None


def test_what_an_earlier_service_has_left_running_is_looked_after(site: Site) -> None:
    site.left_running = {"1.20"}
    site.started()
    assert site.made.keys() == {"2.3", "1.20"}


def test_a_run_of_a_line_that_is_served_no_more_hides_no_other(site: Site) -> None:
    clusters = site.started()
    job = site.submitted(None)
    seen = clusters.look([watched(job), Watched("f" * 32, flink_version="1.9")])
    assert isinstance(seen, Overview)
    assert isinstance(seen.runs[run_id(job)], Alive)


def test_one_cluster_that_cannot_be_ended_keeps_no_other_from_its_end(site: Site) -> None:
    clusters = site.started()
    site.submitted("1.20")
    site.of("2.3").survives = True
    with pytest.raises(processes.StillRunning, match=r"the cluster of Flink 2\.3 lives on"):
        clusters.stop(end=True)
    assert site.of("1.20").stopped == "ended"


def test_a_submission_for_a_cluster_that_is_not_there_is_kept_for_later(site: Site) -> None:
    clusters = site.started()
    job = cases.with_run(cases.SUBMITTED, cluster="1.20/x")
    with pytest.raises(EngineUnavailable, match=r"there is no cluster of Flink 1\.20"):
        clusters.perform(Submit(job))


def run_id(job: Job) -> str:
    assert job.run is not None
    return job.run.id
