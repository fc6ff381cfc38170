"""Which checkpoints may go, and what becomes of a job whose savepoint is gone."""

from dataclasses import replace

import pytest

from penstock.domain import retention
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin, Status
from tests.domain.cases import NOW, job

OLD, NEW = f"obs://penstock/jobs/{'a' * 32}/", f"obs://penstock/jobs/{'b' * 32}/"
SAVEPOINT = Savepoint("obs://penstock/sp/savepoint-1/", SavepointOrigin.IMPORT)
RUN = Run("b" * 32, NOW, resume_from=f"{OLD}chk-3/", checkpoints=NEW, seen=True, ran=True)
STARTED = job(goal=Goal.RUN, status=Status.RUNNING, run=RUN, restore_point=f"{OLD}chk-3/")
SECURED = replace(STARTED, run=replace(RUN, checkpoint=f"{NEW}chk-4/"), newest_state=f"{NEW}chk-4/")
RESTED = job(status=Status.CANCELLED, newest_state=f"{NEW}chk-4/", restore_point=f"{OLD}chk-3/")


@pytest.mark.parametrize(
    "wanted",
    [
        SECURED,
        RESTED,
        replace(RESTED, newest_state=SAVEPOINT.path),
        replace(RESTED, status=Status.FINISHED, newest_state=None, restore_point=None),
    ],
)
def test_checkpoints_that_newer_state_has_replaced_may_go(wanted: Job) -> None:
    assert retention.is_superseded(wanted, OLD)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(STARTED, id="the next run has none of its own yet"),
        pytest.param(replace(STARTED, restore_point=None, run=replace(RUN, resume_from=None)), id="nor state"),
        pytest.param(replace(SECURED, newest_state=f"{OLD}chk-3/"), id="it is the newest state"),
        pytest.param(replace(SECURED, savepoint=replace(SAVEPOINT, path=f"{OLD}chk-3/")), id="it is on record"),
        pytest.param(replace(SECURED, deleted_at=NOW), id="the job was deleted"),
        pytest.param(replace(RESTED, newest_state=None), id="the job is to start from it"),
        pytest.param(replace(RESTED, newest_state=None, restore_point=None), id="nothing has replaced it"),
        pytest.param(replace(RESTED, status=Status.FINISHED, newest_state=None), id="so is one that has finished"),
        pytest.param(replace(RESTED, newest_state=f"{OLD}chk-3/"), id="the job rests with it"),
        pytest.param(
            job(goal=Goal.RUN, status=Status.SUBMITTING, restore_point=f"{OLD}chk-3/"), id="the job waits for room"
        ),
    ],
)
def test_checkpoints_that_a_job_may_need_stay(wanted: Job) -> None:
    assert not retention.is_superseded(wanted, OLD)


def test_the_checkpoints_of_the_present_run_stay() -> None:
    assert not retention.is_superseded(SECURED, NEW)
    elsewhere = replace(SECURED, newest_state=SAVEPOINT.path)
    assert not retention.is_superseded(elsewhere, NEW)


def test_the_run_of_a_checkpoint_is_in_its_address() -> None:
    assert retention.run_of(f"{OLD}chk-3/") == "a" * 32
    assert retention.run_of(SAVEPOINT.path) is None
    assert retention.run_of(f"{OLD}savepoint-1/") is None


@pytest.mark.parametrize(
    ("seen", "starts"),
    [
        (RESTED, False),
        (job(goal=Goal.RUN), True),
        (replace(STARTED, run=replace(RUN, ran=False)), True),
        (STARTED, False),
    ],
)
def test_a_run_is_on_its_way_from_the_call_until_all_its_tasks_run(seen: Job, starts: bool) -> None:
    assert retention.is_on_its_way(seen) is starts


def test_a_job_that_has_lost_its_only_state_still_names_it() -> None:
    lost = retention.without_savepoint(job(savepoint=SAVEPOINT))
    assert lost == job(savepoint=None, restore_point=SAVEPOINT.path)


@pytest.mark.parametrize("has_other", [SECURED, STARTED, RESTED, replace(STARTED, restore_point=None)])
def test_a_job_that_runs_or_has_other_state_is_only_told_without_the_savepoint(has_other: Job) -> None:
    assert retention.without_savepoint(replace(has_other, savepoint=SAVEPOINT)) == has_other
