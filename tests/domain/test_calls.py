"""Which call is allowed in which status, and what each writes at once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from penstock.domain import calls
from penstock.domain.errors import NotAllowed, NotChangeable
from penstock.domain.job import Goal, Job, JobConfig, Savepoint, SavepointOrigin, Status
from tests.domain.cases import NOW, REQUEST, RUNNING, job

MATRIX = """
                           run  stop  parking  savepoint  change  change-a-little  delete  import  cover
job_init                   yes  no    no       no         yes     yes              yes      yes    yes
job_submitting             no   yes   no       no         no      yes              yes      no     no
job_submit_fail            yes  no    no       no         yes     yes              yes      yes    yes
job_running                no   yes   yes      yes        no      yes              yes      no     no
job_running_exception      yes  no    no       no         yes     yes              yes      yes    yes
job_downloading            no   no    no       no         no      no               yes      no     no
job_idle                   no   no    no       no         no      no               yes      no     no
job_canceling              no   no    no       no         no      no               yes      no     no
job_cancel_success         yes  no    no       no         yes     yes              yes      yes    yes
job_cancel_fail            no   yes   yes      yes        no      yes              yes      no     no
job_savepointing           no   no    no       no         no      yes              yes      no     no
job_arrearage_stopped      no   no    no       no         no      no               yes      no     no
job_arrearage_recovering   no   no    no       no         no      no               yes      no     no
job_finish                 yes  no    no       no         yes     yes              yes      yes    yes
"""
"""`parking` is a stop with a savepoint; a little are the settings that Terraform changes of a running job."""

DRAFT = replace(job(), id=0, user_id="other", user_name="ann", sql="SELECT 2", tags={"a": "b"}, created_at=NOW)
"""What an import brings."""

CALLS: dict[str, Callable[[Job], Job]] = {
    "run": lambda job: calls.request_run(job, resume=False, now=NOW),
    "stop": lambda job: calls.request_stop(job, savepoint=None, now=NOW),
    "parking": lambda job: calls.request_stop(job, savepoint=REQUEST, now=NOW),
    "savepoint": lambda job: calls.request_savepoint(job, REQUEST),
    "change": lambda job: calls.request_update(job, replace(job, sql="SELECT 2"), NOW),
    "change-a-little": lambda job: calls.request_update(job, with_config(job, alarm_topic="ops"), NOW),
    "delete": lambda job: calls.request_delete(job, NOW),
    "import": lambda job: calls.request_import(job, "obs://b/imported/"),
    "cover": lambda job: calls.request_replacement(job, DRAFT),
}


def with_config(job: Job, **fields: object) -> Job:
    return replace(job, config=replace(job.config, **fields))


def matrix() -> list[tuple[Status, str, bool]]:
    head, *rows = (line.split() for line in MATRIX.strip().splitlines())
    return [
        (Status(status), call, answer == "yes")
        for status, *row in rows
        for call, answer in zip(head, row, strict=True)
    ]


def test_the_matrix_names_every_status_and_every_call() -> None:
    assert {(status, call) for status, call, _ in matrix()} == {
        (status, call) for status in Status for call in CALLS
    }


@pytest.mark.parametrize(("status", "call", "allowed"), matrix())
def test_a_call_is_allowed_as_the_matrix_says(status: Status, call: str, allowed: bool) -> None:
    before = replace(RUNNING, status=status)
    if allowed:
        assert CALLS[call](before) != before
    else:
        with pytest.raises(NotAllowed, match=f"job 1 is {status}"):
            CALLS[call](before)


# --- run ---

ENDED = replace(
    RUNNING,
    goal=Goal.REST,
    status=Status.EXCEPTION,
    reason="boom",
    run=None,
    ended_at=NOW - 5,
    restart_count=3,
    restarts=(NOW - 60_000,),
    restore_point="obs://b/oldest/",
    newest_state="obs://b/chk-9/",
    execution_plan="{}",
)
"""A life that ran, wrote a checkpoint and ended."""


@pytest.mark.covers("D2")
def test_a_run_begins_a_new_life_and_forgets_the_last_one() -> None:
    assert calls.request_run(ENDED, resume=False, now=NOW) == replace(
        ENDED,
        goal=Goal.RUN,
        status=Status.SUBMITTING,
        reason="",
        requested_at=NOW,
        restore_point=None,
        newest_state=None,
        started_at=None,
        ended_at=None,
        restart_count=0,
        restarts=(),
    )


IMPORTED, REQUESTED, STOPPED = (
    Savepoint("obs://b/imported/", SavepointOrigin.IMPORT),
    Savepoint("obs://b/requested/", SavepointOrigin.REQUEST),
    Savepoint("obs://b/stopped/", SavepointOrigin.STOP),
)
NEVER_RAN = replace(ENDED, status=Status.SUBMIT_FAILED, started_at=None, newest_state=None)


@pytest.mark.parametrize(
    ("before", "start_from"),
    [
        pytest.param(replace(ENDED, savepoint=STOPPED), "obs://b/stopped/", id="the savepoint of a stop"),
        pytest.param(replace(ENDED, savepoint=REQUESTED), "obs://b/requested/", id="a requested savepoint"),
        pytest.param(replace(ENDED, savepoint=IMPORTED), "obs://b/imported/", id="an imported savepoint"),
        pytest.param(ENDED, "obs://b/chk-9/", id="the newest checkpoint when there is no savepoint"),
        pytest.param(
            replace(ENDED, newest_state=None), "obs://b/oldest/", id="what a life that wrote none was started from"
        ),
        pytest.param(NEVER_RAN, "obs://b/oldest/", id="what a life that never ran was to start from"),
        pytest.param(job(), None, id="nothing for a draft"),
    ],
)
def test_a_resumed_run_starts_from(before: Job, start_from: str | None) -> None:
    after = calls.request_run(before, resume=True, now=NOW)
    assert (after.restore_point, after.newest_state) == (start_from, None)
    assert after.savepoint == before.savepoint, "it stays on record until the job runs"


@pytest.mark.covers("C13")
@pytest.mark.parametrize(("savepoint", "kept"), [(STOPPED, None), (REQUESTED, REQUESTED), (IMPORTED, IMPORTED)])
def test_a_run_from_nothing_drops_the_savepoint_of_a_stop_and_keeps_others(
    savepoint: Savepoint, kept: Savepoint | None
) -> None:
    after = calls.request_run(replace(ENDED, savepoint=savepoint), resume=False, now=NOW)
    assert (after.restore_point, after.savepoint) == (None, kept)


# --- import of jobs ---


def test_a_job_that_is_covered_keeps_whose_it_is_and_what_it_can_resume() -> None:
    before = replace(ENDED, savepoint=REQUESTED, version=4)
    assert calls.request_replacement(before, DRAFT) == replace(
        DRAFT,
        id=before.id,
        user_id=before.user_id,
        user_name=before.user_name,
        created_at=before.created_at,
        savepoint=REQUESTED,
        newest_state="obs://b/chk-9/",
        restore_point="obs://b/oldest/",
        version=4,
    )


# --- stop, savepoint, delete ---


def test_a_stop_moves_the_status_at_once() -> None:
    before = replace(RUNNING, reason="restarting")
    after = replace(before, goal=Goal.STOP, status=Status.CANCELING, reason="", requested_at=NOW)
    assert calls.request_stop(before, savepoint=None, now=NOW) == after


def test_a_stop_with_savepoint_moves_the_status_and_stores_the_trigger_at_once() -> None:
    assert calls.request_stop(RUNNING, savepoint=REQUEST, now=NOW) == replace(
        RUNNING,
        goal=Goal.STOP_WITH_SAVEPOINT,
        status=Status.SAVEPOINTING,
        requested_at=NOW,
        savepoint_request=REQUEST,
    )


@pytest.mark.parametrize("goal", [Goal.RUN, Goal.WATCH])
def test_a_savepoint_moves_the_status_and_leaves_the_goal(goal: Goal) -> None:
    before = replace(RUNNING, goal=goal, reason="the savepoint failed: disk full")
    after = replace(before, status=Status.SAVEPOINTING, reason="", savepoint_request=REQUEST)
    assert calls.request_savepoint(before, REQUEST) == after


def test_a_savepoint_on_its_way_is_taken_over_by_a_stop_with_savepoint() -> None:
    for goal, status in ((Goal.RUN, Status.RUNNING), (Goal.WATCH, Status.CANCEL_FAILED)):
        on_its_way = replace(REQUEST, trigger_id="first", sent=True, moves=goal is Goal.RUN)
        before = replace(RUNNING, goal=goal, status=status, savepoint_request=on_its_way)
        after = calls.request_stop(before, savepoint=replace(REQUEST, give_up_at=NOW + 9), now=NOW)
        assert after.savepoint_request == replace(on_its_way, moves=False, give_up_at=NOW + 9)


MOVE = replace(REQUEST, moves=True)


def test_a_running_job_can_be_moved_and_nothing_else_is() -> None:
    assert calls.request_move(RUNNING, REQUEST) == replace(RUNNING, savepoint_request=MOVE)
    never_ran = replace(RUNNING, run=replace(RUNNING.run, ran=False))
    stopping = replace(RUNNING, goal=Goal.STOP, status=Status.CANCELING)
    saving = replace(RUNNING, status=Status.SAVEPOINTING, savepoint_request=REQUEST)
    moving = replace(RUNNING, savepoint_request=replace(MOVE, trigger_id="first"))
    for before in (never_ran, stopping, saving, moving, job()):
        assert calls.request_move(before, REQUEST) == before


@pytest.mark.parametrize("status", [Status.RUNNING, Status.CANCEL_FAILED])
def test_a_job_that_may_yet_end_with_a_savepoint_writes_no_other(status: Status) -> None:
    with pytest.raises(NotAllowed, match="job 1 may be writing another savepoint"):
        calls.request_savepoint(replace(RUNNING, status=status, savepoint_request=MOVE), REQUEST)


@pytest.mark.covers("C13")
def test_an_imported_savepoint_is_on_record() -> None:
    after = calls.request_import(replace(ENDED, savepoint=STOPPED), "obs://b/imported/")
    assert after == replace(ENDED, savepoint=IMPORTED)


def test_a_deleted_job_is_to_be_ended_when_it_has_a_run_and_is_at_rest_otherwise() -> None:
    deleted = replace(RUNNING, goal=Goal.DELETE, requested_at=NOW, deleted_at=NOW)
    assert calls.request_delete(RUNNING, NOW) == deleted
    waiting = replace(RUNNING, run=None, status=Status.SUBMITTING)
    assert calls.request_delete(waiting, NOW) == replace(
        deleted, run=None, status=Status.SUBMITTING, goal=Goal.REST
    )


# --- change ---

SET = replace(RUNNING, sql="SELECT 1", config=JobConfig(operator_config='{"a": 1}', static_estimator_config="{}"))


def test_a_job_at_rest_takes_any_change_and_only_that_moves_its_update_time() -> None:
    rest = replace(SET, goal=Goal.REST, status=Status.FINISHED, run=None)
    wanted = with_config(replace(rest, name="new", sql="SELECT 2", queue="other"), parallelism=4)
    assert calls.request_update(rest, wanted, NOW) == replace(wanted, updated_at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"alarm_topic": "ops"},
        {"bucket": "state"},
        {"checkpoint_path": "obs://state/chk/"},
        {"restart_from_checkpoint": True},
        {"restart_limit_per_hour": 3},
        {"restart_on_failure": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_running_job_takes_a_change_of_what_a_restart_obeys(change: dict[str, object]) -> None:
    wanted = with_config(SET, **change)
    assert calls.request_update(SET, wanted, NOW) == replace(wanted, updated_at=NOW)


@pytest.mark.parametrize(
    ("wanted", "refused"),
    [
        (replace(SET, sql="SELECT 2"), {"sql"}),
        (replace(SET, name="other"), {"name"}),
        (replace(SET, queue="other"), {"queue"}),
        (replace(SET, description="words"), {"description"}),
        (with_config(SET, parallelism=2), {"parallelism"}),
        (with_config(SET, checkpoint_enabled=True, cus=4), {"checkpoint_enabled", "cus"}),
        (with_config(SET, operator_config='{"a": 2}'), {"operator_config"}),
        (with_config(SET, alarm_topic="ops", state_ttl_s=1), {"state_ttl_s"}),
    ],
    ids=lambda value: ", ".join(sorted(value)) if isinstance(value, set) else "",
)
def test_a_running_job_refuses_any_other_change_and_names_it(wanted: Job, refused: set[str]) -> None:
    with pytest.raises(NotChangeable) as error:
        calls.request_update(SET, wanted, NOW)
    assert (error.value.settings, error.value.changeable) == (refused, calls.CHANGEABLE_WHILE_ACTIVE)


def test_a_running_job_takes_its_own_values_again() -> None:
    assert calls.request_update(SET, SET, NOW) == replace(SET, updated_at=NOW)


@pytest.mark.parametrize("empty", ["", None])
def test_what_terraform_always_sends_empty_does_not_clear_the_settings_of_a_running_job(empty: str | None) -> None:
    wanted = with_config(SET, operator_config=empty, static_estimator_config=empty, restart_limit_per_hour=5)
    after = with_config(replace(SET, updated_at=NOW), restart_limit_per_hour=5)
    assert calls.request_update(SET, wanted, NOW) == after


def test_a_job_at_rest_can_be_cleared_of_these_settings() -> None:
    rest = replace(SET, goal=Goal.REST, status=Status.CANCELLED, run=None)
    wanted = with_config(rest, operator_config="", static_estimator_config="")
    assert calls.request_update(rest, wanted, NOW) == replace(wanted, updated_at=NOW)
