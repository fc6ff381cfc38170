"""A job that is given a Flink job nobody knew."""

from dataclasses import replace

import pytest

from penstock.domain import orphan
from penstock.domain.engine import Stranger
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin, Status
from penstock.domain.orphan import Orphan
from penstock.domain.queue import Isolation, Queue
from tests.domain import cases
from tests.domain.cases import NOW, RUNNING, STARTED

STRAY = Orphan(Stranger("stray", "by hand", "RUNNING", STARTED, "unit-1"), Queue("default", 8), NOW - 5_000)
AT_REST = cases.job(status=Status.CANCELLED, restart_count=3, restarts=(1,), newest_state="obs://b/chk-7/")


def in_state(state: str) -> Orphan:
    return replace(STRAY, stranger=replace(STRAY.stranger, state=state))


def test_it_becomes_the_run_of_a_job_at_rest_whose_earlier_life_is_forgotten() -> None:
    run = Run("stray", NOW, cluster="unit-1", attempts=1, sent_at=NOW, seen=True, ran=True)
    assert orphan.adopted(AT_REST, STRAY, NOW) == cases.job(
        goal=Goal.RUN, status=Status.RUNNING, requested_at=NOW, started_at=STARTED, run=run
    )


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("CREATED", Status.SUBMITTING),
        ("INITIALIZING", Status.SUBMITTING),
        ("RUNNING", Status.RUNNING),
        ("RESTARTING", Status.RUNNING),
        ("CANCELLING", Status.CANCELING),
    ],
)
def test_the_status_is_what_flink_says(state: str, status: Status) -> None:
    assert orphan.adopted(AT_REST, in_state(state), NOW).status is status


def test_one_in_trouble_is_not_cancelled_for_it() -> None:
    adopted = orphan.adopted(AT_REST, in_state("RESTARTING"), NOW)
    step = cases.decide(adopted, cases.alive(all_running=False, cause="/ by zero", at=NOW + 1), NOW + 2)
    assert (step.action, step.job.status, step.job.reason) == (None, Status.RUNNING, "/ by zero")


def test_one_that_is_gone_with_its_cluster_ends_as_any_other_run() -> None:
    adopted = orphan.adopted(AT_REST, STRAY, NOW)
    step = cases.decide(adopted, replace(cases.gone(), sent_at=NOW + 1), NOW + 2)
    assert (step.job.status, step.job.run) == (Status.EXCEPTION, None)


@pytest.mark.parametrize(
    ("job", "stray", "why"),
    [
        (RUNNING, STRAY, "job 1 is job_running; only a job at rest"),
        (replace(AT_REST, queue="other"), STRAY, "job 1 is on queue other, and Flink job stray on default"),
        (AT_REST, replace(STRAY, is_to_stop=True), "Flink job stray is being stopped"),
        (
            AT_REST,
            replace(STRAY, queue=replace(STRAY.queue, isolation=Isolation.JOB)),
            "queue default gives each job a cluster of its own",
        ),
    ],
)
def test_what_cannot_be_adopted_is_refused_with_the_reason(job: Job, stray: Orphan, why: str) -> None:
    with pytest.raises(NotAllowed, match=why):
        orphan.adopted(job, stray, NOW)


def test_a_savepoint_that_was_asked_for_stays_on_record() -> None:
    kept = Savepoint("obs://b/sp/", SavepointOrigin.REQUEST)
    assert orphan.adopted(replace(AT_REST, savepoint=kept), STRAY, NOW).savepoint == kept


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("clicks", "clicks"),
        ("a\u202eb\nc", "a b c"),
        ("x" * 60, "x" * 57),
        ("x" * 56 + "  y", "x" * 56),
        (" \n ", "stray"),
    ],
)
def test_the_name_of_a_job_that_is_made_for_it_is_one_that_jobs_may_have(name: str, named: str) -> None:
    assert orphan.name_for(replace(STRAY.stranger, name=name)) == named
