"""What calls may ask of Flink, and how many at once."""

import threading
from dataclasses import replace

import pytest

from penstock.controller.questions import PLANS_AT_ONCE, Questions
from penstock.domain.errors import NotReady, TooMany
from penstock.domain.graph import Figures, Flow, Graph
from penstock.domain.job import Job, Run
from penstock.domain.queue import Isolation, Queue
from tests.controller.queues_world import Process, Site
from tests.controller.test_leases import site
from tests.store.conftest import draft

__all__ = ["site"]


def job_on(site: Site, queue: Queue, **changes: object) -> Job:
    job = replace(draft(site.project, queue=queue.name, sql="a script"), run=Run("a" * 32, submit_at=1, seen=True))
    return replace(job, **changes)


def asked(process: Process) -> Questions:
    process.controller.make_round()
    return Questions(process.controller.keeper)


def test_the_cluster_of_the_queue_plans_and_tells_figures(site: Site) -> None:
    queue, process = site.queue(), site.process("one")
    questions = asked(process)
    assert questions.plan(job_on(site, queue)) == Graph("a script", (), ())
    assert questions.figures(job_on(site, queue)) == Figures((Flow("a" * 32, 1, 0.5),))


def test_figures_serve_again_for_a_moment(site: Site) -> None:
    queue, process = site.queue(), site.process("one")
    questions = asked(process)
    assert questions.figures(job_on(site, queue)) == questions.figures(job_on(site, queue))
    assert process.clusters[queue.id].asked_figures == 1


def test_a_job_that_does_not_run_has_no_figures_and_nobody_is_asked(site: Site) -> None:
    queue, process = site.queue(), site.process("one")
    questions = asked(process)
    assert questions.figures(job_on(site, queue, run=None)) == Figures()
    assert process.clusters[queue.id].asked_figures == 0


def test_a_cluster_that_is_not_ready_says_why(site: Site) -> None:
    queue, process = site.queue(), site.process("one")
    questions = asked(process)
    process.clusters[queue.id].not_ready = "Flink 2.3 is starting"
    with pytest.raises(NotReady, match=r"^Flink cannot plan for queue '.*' now: Flink 2\.3 is starting$"):
        questions.plan(job_on(site, queue))
    assert questions.figures(job_on(site, queue)) is None


def test_a_queue_of_another_process_is_not_asked(site: Site) -> None:
    queue = site.queue()
    site.process("one").controller.make_round()
    questions = asked(site.process("two"))
    with pytest.raises(NotReady, match="is kept by another process of the service"):
        questions.plan(job_on(site, queue))
    assert questions.figures(job_on(site, queue)) is None


def test_the_default_queue_plans_for_one_whose_runs_have_clusters_of_their_own(site: Site) -> None:
    site.default_queue()
    queue, process = site.queue(isolation=Isolation.JOB), site.process("one")
    questions = asked(process)
    process.clusters[queue.id].not_ready = "there is none to plan"
    assert questions.plan(job_on(site, queue)) == Graph("a script", (), ())


def test_no_more_than_a_few_scripts_are_planned_at_once(site: Site) -> None:
    all_in, go_on = threading.Barrier(PLANS_AT_ONCE + 1), threading.Event()

    class Slow:
        isolation = Isolation.SESSION

        def plan(self, _job: Job) -> Graph:
            all_in.wait(30)
            assert go_on.wait(30)
            return Graph("", (), ())

    questions = Questions(lambda _project, _queue: Slow())  # type: ignore[arg-type,return-value]
    job = job_on(site, site.queue())
    threads = [threading.Thread(target=questions.plan, args=[job]) for _ in range(PLANS_AT_ONCE)]
    for thread in threads:
        thread.start()
    all_in.wait(30)
    with pytest.raises(TooMany):
        questions.plan(job)
    go_on.set()
    for thread in threads:
        thread.join()
    all_in.reset()
